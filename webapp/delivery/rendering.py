"""Mail as text and HTML: a file per template says what is new, two layouts show the facts."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from webapp.delivery import cleaning
from webapp.vocabulary import MailTemplate

FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Everything that a mail may say, already written in the recipient's zone. Empty strings are left out.

    ``short`` is the day and time, ``when`` the whole interval, ``zone`` names the clock that both go by;
    ``elsewhere`` is the firm's own time where that differs. ``deadline_zone`` names the clock on the day of
    the ``deadline``. ``why`` picks a sentence: ``expired``, ``timed_out``, ``by_client``, ``poll_over``.
    ``poll`` is set for the invitees of a poll, ``for_staff`` where the link asks to sign in.
    """

    firm: str
    name: str
    what: str
    staff: str = ""
    short: str = ""
    when: str = ""
    zone: str = ""
    elsewhere: str = ""
    old: str = ""
    place: str = ""
    reason: str = ""
    deadline: str = ""
    deadline_zone: str = ""
    link: str = ""
    why: str = ""
    poll: bool = False
    for_staff: bool = False
    slots: tuple[str, ...] = ()

    @property
    def facts(self) -> list[tuple[str, str]]:
        """``(term, value)`` in the order of the page; without a value a fact is left out."""
        zoned = f"{self.when}, {self.zone}" if self.when else ""
        found = [
            ("What", f"{self.what} with {self.staff}" if self.staff else self.what),
            ("Was", self.old),
            ("When", zoned),
            (f"At {self.firm}", self.elsewhere),
            ("Where", self.place),
            ("Answer by", ", ".join(filter(None, (self.deadline, self.deadline_zone)))),
            ("Reason", self.reason),
        ]
        return [(term, value) for term, value in found if value]


@dataclass(frozen=True, slots=True)
class Rendered:
    subject: str
    text: str
    html: str


def render(template: MailTemplate, words: Words) -> Rendered:
    """Subject, text part and HTML part. The subject is one clean line of at most 200 characters."""
    environment = _environment()
    own = environment.get_template(f"{template.value}.txt")
    context = own.new_context({"mail": words})
    parts = {name: " ".join("".join(block(context)).split()) for name, block in own.blocks.items()}
    subject = cleaning.line(parts["subject"], cleaning.SUBJECT_LENGTH)
    shown = {"mail": words, "subject": subject, "lead": parts["lead"], "link_label": parts.get("link", "")}
    return Rendered(
        subject,
        environment.get_template("layout.txt").render(shown).strip() + "\n",
        environment.get_template("layout.html").render(shown).strip() + "\n",
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
