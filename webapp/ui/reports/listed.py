"""The appointments behind a number, as the list prints them."""

from dataclasses import dataclass

from webapp.localtime import Local
from webapp.queries.analytics.classes import Fate
from webapp.queries.analytics.listing import Listed
from webapp.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Told:
    """A class of the figures: the status it belongs to, and what it says beyond it."""

    status: Status
    words: str


FATES = {
    Fate.REQUESTED: Told(Status.REQUESTED, "Waits for an answer"),
    Fate.AWAITING: Told(Status.AWAITING_CONFIRMATION, "Waits for everybody’s answer"),
    Fate.UPCOMING: Told(Status.CONFIRMED, "Still to end"),
    Fate.UNRECORDED: Told(Status.CONFIRMED, "Ended without an outcome"),
    Fate.COMPLETED: Told(Status.COMPLETED, "Took place"),
    Fate.NO_SHOW_CLIENT: Told(Status.NO_SHOW, "Client didn’t show"),
    Fate.NO_SHOW_STAFF: Told(Status.NO_SHOW, "Staff didn’t show"),
    Fate.NO_SHOW_BOTH: Told(Status.NO_SHOW, "Both didn’t show"),
    Fate.RESCHEDULED: Told(Status.RESCHEDULED, "Moved to another time"),
    Fate.CANCELLED_CLIENT: Told(Status.CANCELLED, "By the client, in time"),
    Fate.CANCELLED_STAFF: Told(Status.CANCELLED, "By staff, in time"),
    Fate.CANCELLED_SYSTEM: Told(Status.CANCELLED, "By the system, in time"),
    Fate.CANCELLED_CLIENT_LATE: Told(Status.CANCELLED, "By the client, late"),
    Fate.CANCELLED_STAFF_LATE: Told(Status.CANCELLED, "By staff, late"),
    Fate.CANCELLED_SYSTEM_LATE: Told(Status.CANCELLED, "By the system, late"),
    Fate.CANCELLED_AHEAD: Told(Status.CANCELLED, "Called off, its time is still to come"),
    Fate.DECLINED: Told(Status.CANCELLED, "Request declined"),
    Fate.EXPIRED: Told(Status.CANCELLED, "Request expired"),
    Fate.TIMED_OUT: Told(Status.CANCELLED, "Confirmation ran out of time"),
    Fate.WITHDRAWN: Told(Status.CANCELLED, "Proposal called off"),
}


@dataclass(frozen=True, slots=True)
class RowView:
    """One line of the list, formatted."""

    url: str
    when: str
    client: str
    account: str
    status: str
    words: str
    type_name: str
    staff_name: str
    created: str
    ended: str
    booking: str


def present(row: Listed, local: Local) -> RowView:
    told = FATES[row.fate]
    return RowView(
        f"/appointments/{row.appointment_id}",
        local.full_day_time(row.start_time),
        row.client,
        row.account or "",
        told.status.value,
        told.words,
        row.type_name,
        row.staff_name,
        local.full_day_time(row.created_at),
        local.full_day_time(row.ended_at) if row.ended_at else "",
        f"booking {row.chain_position} of its chain" if row.chain_position > 1 else "",
    )
