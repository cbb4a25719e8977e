"""The compact panel of further figures: who recorded what, times, requests, proposals, what is left."""

from dataclasses import dataclass

from webapp.queries.analytics.behind import Behind
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.events import Recorded, Requests
from webapp.queries.analytics.rates import Rate
from webapp.queries.analytics.tallies import Chains
from webapp.queries.analytics.tally import Tally
from webapp.queries.analytics.times import Middle, Times
from webapp.ui import figures
from webapp.ui.reports.parts import Links, Number, Part
from webapp.vocabulary import Status

OF_STATUS = {Status.COMPLETED: Figure.COMPLETED, Status.NO_SHOW: Figure.NO_SHOW}


@dataclass(frozen=True, slots=True)
class Fact:
    """``words``, then numbers, each with the words after it."""

    name: str
    words: str = ""
    numbers: tuple[tuple[str, Number], ...] = ()


def facts(
    total: Tally, chains: Chains, recorded: Recorded, requests: Requests, times: Times, links: Links
) -> list[tuple[str, list[Fact]]]:
    """Groups of facts, each under a heading."""
    return [
        ("Who recorded the outcomes", _recorded(recorded, links)),
        ("Booking and giving notice", _times(times, chains)),
        ("Requests and proposals", _answers(total, recorded, requests, links)),
        ("Besides the due", _besides(total, links)),
    ]


def _recorded(recorded: Recorded, links: Links) -> list[Fact]:
    found = []
    for status, figure in OF_STATUS.items():
        kinds = (
            ("by the system", recorded.automatic, Behind.AUTOMATIC),
            ("by people", recorded.manual, Behind.MANUAL),
            ("by an import", recorded.imported, Behind.IMPORTED),
        )
        numbers = tuple(
            (words, links.number(counts.get(status, 0), Part(figure, behind=behind)))
            for words, counts, behind in kinds
            if behind is not Behind.IMPORTED or counts.get(status)
        )
        share = recorded.share_automatic(status)
        found.append(Fact(status.label, _automatic(share), numbers=numbers))
    return [*found, _corrected(recorded, links)]


def _corrected(recorded: Recorded, links: Links) -> Fact:
    again = recorded.corrections - recorded.corrected
    words = f"appointments, some more than once: {recorded.corrections:,} corrections" if again else ""
    corrected = links.number(recorded.corrected, Part(behind=Behind.CORRECTED))
    return Fact("Outcomes that were corrected", numbers=((words, corrected),))


def _automatic(share: Rate) -> str:
    return "" if share.value is None else f"{figures.rate(share)} automatic ({figures.interval(share)}): "


def _times(times: Times, chains: Chains) -> list[Fact]:
    per_hundred = f"{100 * chains.moves / chains.confirmed:.1f}" if chains.confirmed else figures.NONE
    return [
        Fact("Lead time, booked before the start", _middle(times.lead)),
        Fact("Notice, called off or moved before the start", _middle(times.notice)),
        Fact("Moves for every 100 confirmed chains", per_hundred),
    ]


def _middle(found: Middle | None) -> str:
    return figures.middle(found) if found else figures.NONE


def _answers(total: Tally, recorded: Recorded, requests: Requests, links: Links) -> list[Fact]:
    timed_out = total.of(Figure.TIMED_OUT)
    asked = (
        ("approved", requests.approved, Behind.APPROVED),
        ("declined", requests.declined, Behind.DECLINED),
        ("expired", requests.expired, Behind.EXPIRED),
    )
    proposals = (
        ("confirmed", links.number(recorded.confirmed, Part(behind=Behind.CONFIRMED))),
        ("ran out of time", links.number(timed_out, Part(Figure.TIMED_OUT))),
    )
    return [
        Fact(
            "Decline rate, requests made in the period",
            _share(requests.decline),
            numbers=tuple((words, links.number(count, Part(behind=kind))) for words, count, kind in asked),
        ),
        Fact(
            "Poll expiry, proposals that ran out of time",
            _share(recorded.expiry(timed_out)),
            numbers=proposals,
        ),
    ]


def _share(rate: Rate) -> str:
    if rate.value is None:
        return f"{figures.NONE}: "
    few = ", few cases" if rate.few else ""
    return f"{figures.rate(rate)} ({figures.interval(rate)}{few}): "


BESIDES = (
    ("Requested", Figure.REQUESTED),
    ("Awaiting confirmation", Figure.AWAITING),
    ("Confirmed, still to end", Figure.UPCOMING),
    ("Rescheduled to another time", Figure.RESCHEDULED),
    ("Cancelled, their time still to come", Figure.CANCELLED_AHEAD),
    ("Requests declined", Figure.DECLINED),
    ("Requests expired", Figure.EXPIRED),
    ("Confirmations that ran out of time", Figure.TIMED_OUT),
    ("Proposals called off", Figure.WITHDRAWN),
    ("All, with the due", Figure.ALL),
)


def _besides(total: Tally, links: Links) -> list[Fact]:
    """What is in the cohort and not due; with the due it is all."""
    return [
        Fact(name, numbers=(("", links.number(total.of(figure), Part(figure))),)) for name, figure in BESIDES
    ]
