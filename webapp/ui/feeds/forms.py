"""What a calendar feed shows."""

from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired

from webapp.queries.appointment_list import Options
from webapp.ui.forms import DeskForm
from webapp.vocabulary import Status

EVERYBODY = ""
ALL, AHEAD, SURE = "all", "held", "confirmed"
SHOWN: dict[str, tuple[str, frozenset[Status]]] = {
    ALL: ("Everything, cancelled ones marked as cancelled", frozenset()),
    AHEAD: (
        "What holds a time: requested, awaiting confirmation, confirmed, and what took place",
        frozenset(Status) - {Status.CANCELLED, Status.RESCHEDULED},
    ),
    SURE: (
        "What is certain: confirmed, and what took place",
        frozenset({Status.CONFIRMED, Status.COMPLETED, Status.NO_SHOW}),
    ),
}


class FeedForm(DeskForm):
    """Whose appointments, of which type, in which statuses, and with how much said."""

    name = StringField("Name", validators=[InputRequired("Enter a name.")])
    staff_user_id = SelectField("Whose appointments", choices=[])
    appointment_type_id = SelectField("Type", choices=[])
    shown = SelectField(
        "What is in it", choices=[SelectChoice(key, said) for key, (said, _) in SHOWN.items()]
    )
    with_names = BooleanField("Name the clients")

    def offer(self, options: Options, *, mine: int) -> None:
        """Everybody and all types; oneself first."""
        people = sorted(options.staff, key=lambda each: each[0] != mine)
        self.staff_user_id.choices = [
            *(SelectChoice(str(key), f"{name} (me)" if key == mine else name) for key, name in people),
            SelectChoice(EVERYBODY, "The whole team"),
        ]
        self.appointment_type_id.choices = [
            SelectChoice("", "All types"),
            *(SelectChoice(str(key), name) for key, name in options.types),
        ]

    @property
    def person(self) -> int | None:
        return int(self.staff_user_id.data) if self.staff_user_id.data else None

    @property
    def kind(self) -> int | None:
        return int(self.appointment_type_id.data) if self.appointment_type_id.data else None

    @property
    def statuses(self) -> frozenset[Status]:
        return SHOWN[self.shown.data][1]


def told(statuses: str) -> str:
    """The words for the statuses of a feed, as the form has them."""
    wanted = frozenset(Status(word) for word in statuses.split())
    return next((said for said, found in SHOWN.values() if found == wanted), statuses)
