"""The compact panel of further figures: who recorded what, times, requests, proposals, the statuses."""

from dataclasses import dataclass

from webapp.localtime import duration
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.events import Recorded, Requests
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Chains
from webapp.queries.analytics.tally import Tally
from webapp.queries.analytics.times import Middle, Times
from webapp.ui import figures
from webapp.ui.reports.parts import Links, Number, Part
from webapp.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Fact:
    """``value`` in words, with ``numbers`` that lead somewhere, each with the words before it."""

    name: str
    value: str
    numbers: list[tuple[str, Number]]
    few: bool = False


def facts(
    total: Tally,
    chains: Chains,
    recorded: Recorded,
    requests: Requests,
    times: Times,
    links: Links,
) -> list[tuple[str, list[Fact]]]:
    """Groups of facts under a heading each."""
    return [
        ("Who recorded the outcomes", _recorded(recorded)),
        ("Booking and giving notice", _times(times, chains)),
        ("Requests and proposals", _answers(total, recorded, requests, links)),
        ("Where everything stands", _standing(total, links)),
    ]


def _share(name: str, rate: Rate, of: str) -> Fact:
    if rate.value is None:
        return Fact(name, figures.NONE, [])
    return Fact(
        name,
        f"{figures.rate(rate)}, {rate.part:,} of {rate.whole:,} {of} ({figures.interval(rate)})",
        [],
        rate.few,
    )


def _recorded(recorded: Recorded) -> list[Fact]:
    imported = sum(recorded.imported.values())
    found = [
        _share("Completed by the system", recorded.share_automatic(Status.COMPLETED), "completed here"),
        _share("No-shows by the system", recorded.share_automatic(Status.NO_SHOW), "no-shows here"),
        Fact("Corrected outcomes", f"{recorded.corrections:,}", []),
    ]
    return [*found, Fact("Outcomes brought along by an import", f"{imported:,}", [])] if imported else found


def _times(times: Times, chains: Chains) -> list[Fact]:
    per_hundred = f"{100 * chains.moves / chains.confirmed:.1f}" if chains.confirmed else figures.NONE
    return [
        Fact("Lead time, booked before the start", _middle(times.lead), []),
        Fact("Notice, called off or moved before the start", _middle(times.notice), []),
        Fact("Moves for every 100 confirmed chains", per_hundred, []),
    ]


def _middle(middle: Middle | None) -> str:
    """A start in the past may lie before what was noted for it: then the time is negative."""
    if middle is None:
        return figures.NONE
    return f"median {_minutes(round(middle.median))}, 90 % within {_minutes(middle.p90)}"


def _minutes(minutes: int) -> str:
    return duration(minutes) if minutes >= 0 else f"{duration(-minutes)} after the start"


def _answers(total: Tally, recorded: Recorded, requests: Requests, links: Links) -> list[Fact]:
    timed_out = total.of(Figure.TIMED_OUT)
    expiry = Rate(timed_out, timed_out + recorded.confirmed)
    return [
        _share("Requests declined", requests.decline, "answered or expired requests of the period"),
        _share("Proposals that ran out of time", expiry, "confirmed or run out"),
        Fact(
            "Not among the due",
            "",
            [
                ("declined", links.number(total.of(Figure.DECLINED), Part(Figure.DECLINED))),
                ("expired", links.number(total.of(Figure.EXPIRED), Part(Figure.EXPIRED))),
                ("ran out of time", links.number(timed_out, Part(Figure.TIMED_OUT))),
            ],
        ),
    ]


STANDING = (
    ("requested", Figure.REQUESTED),
    ("awaiting confirmation", Figure.AWAITING),
    ("confirmed, still to end", Figure.UPCOMING),
    ("ended without an outcome", Figure.UNRECORDED),
    ("cancelled, still to come", Figure.CANCELLED_AHEAD),
    ("all", Figure.ALL),
)


def _standing(total: Tally, links: Links) -> list[Fact]:
    return [
        Fact(name.capitalize(), "", [("", links.number(total.of(figure), Part(figure)))])
        for name, figure in STANDING
    ]
