"""An appointment, and what can be done with it, as JSON. Field names are those of the domain's contract."""

from typing import Annotated, Literal

from pydantic import Field

from webapp.api.shapes import Change, Given, Key, Moment, Named, Reason, Told
from webapp.vocabulary import Action, CancellationKind, CancelledBy, NoShowParty, Status

Location = Annotated[str, Field(max_length=120)]
Notes = Annotated[str, Field(max_length=4000)]


class AppointmentOut(Told):
    """One appointment. The fields from ``status`` to ``allowed_actions`` change by actions alone."""

    appointment_id: Key
    firm: str
    appointment_type: Named
    staff_user: Named
    account: Named | None
    contact: Named | None
    booked_by: str
    created_at: Moment
    start_time: Moment
    end_time: Moment
    location: str
    notes: str
    external_ref: str | None
    overbooked: bool
    tracked: bool
    status: Status
    status_reason: str | None
    confirm_by: Moment | None
    rescheduled_at: Moment | None
    rescheduled_from: Key | None
    rescheduled_to: Key | None
    chain_id: Key
    chain_position: Annotated[int, Field(ge=1)]
    cancelled_at: Moment | None
    cancellation_kind: CancellationKind | None
    cancelled_by: CancelledBy | None
    completed_at: Moment | None
    no_show_at: Moment | None
    no_show_party: NoShowParty | None
    version: Annotated[int, Field(ge=1)]
    allowed_actions: list[Action]


class AppointmentPage(Told):
    """Some appointments by start; ``next`` is the address of the ones after them."""

    appointments: list[AppointmentOut]
    next: str | None


class AppointmentQuery(Given):
    """Filters of the list; all that are given must hold. The start lies within ``[from, to)``."""

    status: list[Status] = Field(default_factory=list)
    staff_user_id: Key | None = None
    appointment_type_id: Key | None = None
    contact_id: Key | None = None
    account_id: Key | None = None
    external_ref: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(max_length=60)] | None = None


class AppointmentIn(Given):
    """A new appointment. ``status`` says which way it begins; ``confirm_by`` goes with
    ``awaiting_confirmation`` alone. Without ``end_time`` it is as long as its type says.
    """

    status: Literal[Status.REQUESTED, Status.CONFIRMED, Status.AWAITING_CONFIRMATION] = Status.CONFIRMED
    appointment_type_id: Key
    staff_user_id: Key
    contact_id: Key | None = None
    account_id: Key | None = None
    start_time: Moment
    end_time: Moment | None = None
    confirm_by: Moment | None = None
    location: Location = ""
    notes: Notes = ""
    reason: Reason = ""
    double_book: bool = False


class AppointmentEdit(Change):
    """What is left out stays as it is."""

    location: Location = ""
    notes: Notes = ""


class NoFacts(Given):
    """The step needs nothing but to be taken."""


class DeclineIn(Given):
    reason: Reason


class ConfirmIn(Given):
    reason: Reason | None = None


class CancelIn(Given):
    reason: Reason
    cancelled_by: Literal[CancelledBy.CLIENT, CancelledBy.STAFF]


class RescheduleIn(Given):
    """Where it is moved to. What is left out stays: the length, the member of staff."""

    start_time: Moment
    end_time: Moment | None = None
    staff_user_id: Key | None = None
    reason: Reason = ""
    double_book: bool = False


class CompleteIn(Given):
    reason: Reason | None = None


class NoShowIn(Given):
    no_show_party: NoShowParty
    note: Reason = ""
    occurred_at: Moment | None = None


class CorrectIn(Given):
    """``no_show_party`` goes with ``no_show`` alone."""

    status: Literal[Status.COMPLETED, Status.NO_SHOW]
    no_show_party: NoShowParty | None = None
    reason: Reason


class Moved(Told):
    """What became of both: the original, and the booking that stands for it now."""

    original: AppointmentOut
    successor: AppointmentOut
