"""The figures of the reports, from the same counts."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from webapp.api.operations import Answer, Call, operation
from webapp.api.shapes import Named
from webapp.api.shapes.metrics import Counts, Interval, MetricsOut, MetricsQuery, RateOut, Rates
from webapp.lifecycle.errors import Invalid
from webapp.localtime import day_start
from webapp.queries.analytics import names, tallies
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.cohort import Scope as Cohort
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Tallies
from webapp.vocabulary import Scope, Status

TAG = "Figures"
DAY = timedelta(days=1)
MOST_DAYS = 3660
"""Ten years, with some days to spare."""


@operation(
    "GET",
    "/metrics",
    scope=Scope.METRICS_READ,
    answer=MetricsOut,
    query=MetricsQuery,
    tag=TAG,
    summary="Read the figures of a period",
)
def show_metrics(call: Call, query: MetricsQuery) -> Answer:
    """The numbers of the desk's report for the same days and filters."""
    _check(call, query)
    known = names.load(call.session, firm_id=call.firm_id)
    staff_user = _named(query.staff_user_id, known.staff, "staff_user_id")
    appointment_type = _named(query.appointment_type_id, known.types, "appointment_type_id")
    cohort = _cohort(call, query)
    found = tallies.load(call.session, cohort, cohort)
    shown = MetricsOut(
        first=query.from_,
        last=query.to,
        zone=call.caller.firm.timezone,
        as_of=cohort.now,
        staff_user=staff_user,
        appointment_type=appointment_type,
        statuses={status: found.total.status(status) for status in Status},
        counts=Counts(
            **{name: found.total.of(Figure(name.replace("_", "-"))) for name in Counts.model_fields}
        ),
        rates=_rates(found),
    )
    return Answer(shown)


def _check(call: Call, query: MetricsQuery) -> None:
    if query.to < query.from_:
        raise Invalid("The last day lies before the first. Send a later one.", field="to")
    if (query.to - query.from_).days >= MOST_DAYS:
        raise Invalid("The period is longer than ten years. Send a shorter one.", field="to")
    if query.as_of is not None and query.as_of > call.now:
        raise Invalid("This lies ahead. Send a moment that has passed, or leave it out.", field="as_of")


def _cohort(call: Call, query: MetricsQuery) -> Cohort:
    zone = ZoneInfo(call.caller.firm.timezone)
    return Cohort(
        firm_id=call.firm_id,
        zone=zone,
        since=day_start(query.from_, zone),
        before=day_start(query.to + DAY, zone),
        now=query.as_of or call.now,
        replayed=query.as_of is not None,
        staff_user_id=query.staff_user_id,
        appointment_type_id=query.appointment_type_id,
    )


def _named(number: int | None, known: dict[int, str], field: str) -> Named | None:
    if number is None:
        return None
    if number not in known:
        raise Invalid("The firm has nothing of this number. Send another one.", field=field)
    return Named(id=number, name=known[number])


def _rates(found: Tallies) -> Rates:
    total, chains = found.total, found.chains
    return Rates(
        completion=_rate(total.completion),
        attendance=_rate(total.attendance),
        coverage=_rate(total.coverage),
        no_show=_rate(total.no_show),
        client_no_show=_rate(total.client_no_show),
        staff_no_show=_rate(total.staff_no_show),
        client_no_show_staff_present=_rate(total.client_alone),
        cancellation=_rate(total.cancellation),
        late_cancellation=_rate(total.late_cancellation),
        reschedule=_rate(chains.rescheduled),
        chain_completion=_rate(chains.completion),
    )


def _rate(rate: Rate) -> RateOut:
    interval = rate.interval
    return RateOut(
        numerator=rate.part,
        denominator=rate.whole,
        value=rate.value,
        interval=None if interval is None else Interval(low=interval[0], high=interval[1]),
        few=rate.few,
    )
