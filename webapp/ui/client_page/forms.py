"""What a client sends. Each form carries which booking its reader saw, and in which version."""

from datetime import datetime

from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from webapp.lifecycle.booking import REASON_LENGTH
from webapp.localtime import Local
from webapp.ui.forms import PublicForm, WholeNumber
from webapp.ui.when import TYPED, WhenFields

REASON = {"maxlength": REASON_LENGTH}


class AnswerForm(PublicForm):
    """A step that needs no facts."""

    version = WholeNumber(widget=HiddenInput(), validators=[Optional()])
    booking = WholeNumber(widget=HiddenInput(), validators=[Optional()])


class CallOffForm(AnswerForm):
    reason = TextAreaField(
        "Reason",
        [InputRequired("Give a reason, so that they know why."), Length(max=REASON_LENGTH)],
        render_kw=REASON,
    )


class MoveForm(WhenFields, AnswerForm):
    reason = TextAreaField("Reason", [Length(max=REASON_LENGTH)], render_kw=REASON)

    def moment(self, local: Local) -> datetime:
        """The chosen start, in UTC. Clients choose among what is offered; nothing is typed."""
        self.time.data = ""
        if self.start.data == TYPED:
            self.start.data = ""
        return super().moment(local)
