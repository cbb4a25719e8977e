"""The figures of a period, each rate with its fraction and its interval."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from webapp.api.shapes import Given, Key, Moment, Named, Told
from webapp.api.shapes.days import Day
from webapp.vocabulary import Status

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Interval(Told):
    """The 95 % interval of a share, after Wilson."""

    low: Share
    high: Share


class RateOut(Told):
    """``value`` and ``interval`` are null without cases; ``few`` marks fewer than 20 cases."""

    numerator: Count
    denominator: Count
    value: Share | None
    interval: Interval | None
    few: bool


class Counts(Told):
    """How many appointments. ``due`` are completed, no-shows, cancelled after they were confirmed, and those
    past their end without an outcome (``unrecorded``). ``withdrawn`` were proposed and called off before
    anybody had confirmed them.
    """

    all: Count
    due: Count
    with_outcome: Count
    completed: Count
    no_show: Count
    no_show_client: Count
    no_show_staff: Count
    no_show_both: Count
    cancelled: Count
    cancelled_client: Count
    cancelled_staff: Count
    cancelled_system: Count
    cancelled_late: Count
    cancelled_ahead: Count
    rescheduled: Count
    unrecorded: Count
    upcoming: Count
    requested: Count
    awaiting: Count
    declined: Count
    expired: Count
    timed_out: Count
    withdrawn: Count


class Rates(Told):
    """``client_no_show_staff_present`` is the fair comparison between staff. A chain counts where its last
    booking starts.
    """

    completion: RateOut
    attendance: RateOut
    coverage: RateOut
    no_show: RateOut
    client_no_show: RateOut
    staff_no_show: RateOut
    client_no_show_staff_present: RateOut
    cancellation: RateOut
    late_cancellation: RateOut
    reschedule: RateOut
    chain_completion: RateOut


class MetricsOut(Told):
    """The appointments that start on the days from ``from`` to ``to`` in ``zone``, as of an instant."""

    model_config = ConfigDict(extra="forbid", serialize_by_alias=True)

    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")
    zone: str
    as_of: Moment
    staff_user: Named | None
    appointment_type: Named | None
    statuses: dict[Status, Count]
    counts: Counts
    rates: Rates


class MetricsQuery(Given):
    """Both days are included. ``as_of`` shows the figures as they stood at an instant that has passed."""

    from_: Day = Field(alias="from", description="The first day, by the firm's clock.")
    to: Annotated[Day, Field(description="The last day, which is included.")]
    staff_user_id: Key | None = None
    appointment_type_id: Key | None = None
    as_of: Moment | None = None
