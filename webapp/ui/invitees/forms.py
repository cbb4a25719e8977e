"""What an invitee sends. ``step`` says which of the buttons it was."""

from typing import Any, Self

from wtforms import HiddenField, SelectField, StringField, TextAreaField

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.polls.answering import COMMENT_LENGTH
from webapp.localtime import zone_choices
from webapp.queries.poll_invitee import Invitation
from webapp.ui.forms import PublicForm
from webapp.vocabulary import Vote


class InviteeForm(PublicForm):
    """Votes are radios named ``vote-<slot>``, which are read beside the form's own fields."""

    step = StringField("Step")
    slot = HiddenField()
    timezone = SelectField("Your time zone", choices=[], validate_choice=False)
    comment = TextAreaField("Comment", render_kw={"maxlength": COMMENT_LENGTH})

    @classmethod
    def showing(cls, seen: Invitation, **more: Any) -> Self:
        """The form as the invitee finds it; zones with their offsets at the time the page's foot names."""
        form = cls(data={"timezone": seen.timezone, "comment": seen.comment}, **more)
        form.timezone.choices = zone_choices((seen.held_slot or seen.slots[0]).start_time)
        return form

    def slot_id(self) -> int:
        text = self.slot.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def votes_of(sent: dict[str, str]) -> dict[int, Vote]:
    """The votes among what was sent, by slot (Invalid for words that no button sends)."""
    found = {}
    for name, value in sent.items():
        slot = name.removeprefix("vote-")
        if slot == name:
            continue
        if not (slot.isascii() and slot.isdigit() and len(slot) < 19) or value not in set(Vote):
            raise Invalid("Choose among the times on this page.", field="votes")
        found[int(slot)] = Vote(value)
    return found
