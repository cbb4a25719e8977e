"""Who joined a meeting, and how that is known."""

from typing import Annotated

from pydantic import Field

from webapp.api.shapes import Given, Key, Moment, Told
from webapp.lifecycle.attendance import REF_LENGTH
from webapp.vocabulary import AttendanceSide, AttendanceSource


class AttendanceFact(Told):
    """One fact. A withdrawn one stays and says by whom; ``external_id`` is the source's own reference."""

    side: AttendanceSide
    source: AttendanceSource
    joined_at: Moment
    recorded_at: Moment
    recorded_by: str
    external_id: str | None
    withdrawn_at: Moment | None
    withdrawn_by: str | None


class AttendanceOut(Told):
    """What is known of one booking: when each side first joined, withdrawn facts aside, and the facts."""

    appointment: Key
    client_joined_at: Moment | None
    staff_joined_at: Moment | None
    attendance: list[AttendanceFact]


class AttendanceNoted(AttendanceOut):
    """The same after a report, of the booking that it counts for. ``recorded`` false: it was known."""

    recorded: bool


class AttendanceIn(Given):
    """Somebody joined. The same report may come again and is kept once: the same ``external_id``, or without
    one the same side and time from the same token.
    """

    side: AttendanceSide
    joined_at: Moment
    external_id: Annotated[str, Field(min_length=1, max_length=REF_LENGTH)] | None = None
