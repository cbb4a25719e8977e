"""All counts of a dashboard in one statement: the cohort is found once and grouped in several ways."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.queries.analytics import cohort
from webapp.queries.analytics.classes import CLOSED, NEVER_CONFIRMED, Fate, Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.instants import DAY, MONDAY, day_of, local_seconds, seconds
from webapp.queries.analytics.rates import Rate, Spread, spread
from webapp.queries.analytics.tally import Tally

LEADS = (1, 2, 4, 8, 15, 31)
"""Lead time, in days between booking and start: below the first, from each to the next, from the last on."""
ACCOUNTS = 50
"""So many accounts are counted by name, those with most appointments."""


@dataclass(frozen=True, slots=True)
class Chains:
    """Reschedule chains by their last member's start. ``lengths`` counts the closed ones by members."""

    tallies: dict[int, Tally]
    confirmed: int
    moved: int

    @property
    def lengths(self) -> Counter[int]:
        return Counter(
            {
                length: sum(tally.counts.get(fate, 0) for fate in CLOSED)
                for length, tally in self.tallies.items()
            }
        )

    @property
    def rescheduled(self) -> Rate:
        """Chains with at least one move, of the chains that were ever confirmed."""
        return Rate(self.moved, self.confirmed)

    @property
    def completion(self) -> Rate:
        """Chains that ended in a completed meeting, of those that have ended."""
        lengths = self.lengths
        done = sum(tally.of(Figure.COMPLETED) for tally in self.tallies.values())
        return Rate(done, sum(lengths.values()))

    @property
    def moves(self) -> int:
        """All moves of the chains that were ever confirmed."""
        return sum((length - 1) * sum(tally.counts.values()) for length, tally in self.tallies.items())

    @property
    def spread(self) -> Spread | None:
        """Members of a closed chain."""
        return spread(self.lengths)


@dataclass(frozen=True, slots=True)
class Tallies:
    """Counts of one period by class; ``before`` are the totals of the period that it is compared with."""

    total: Tally
    before: Tally
    by_day: dict[date, Tally]
    by_hour: dict[tuple[int, int], Tally]
    by_lead: list[Tally]
    by_staff: dict[int, Tally]
    by_type: dict[int, Tally]
    by_account: dict[int, Tally]
    chains: Chains
    chains_before: Chains


def load(session: Session, scope: Scope, previous: Scope) -> Tallies:
    """One statement. Weekdays count from Monday, 0; hours are those of the firm's clock."""
    found: dict[str, dict[Any, Counter[Fate]]] = defaultdict(lambda: defaultdict(Counter))
    for part, one, two, fate, count in session.execute(statement(scope, previous)):
        found[part][one, two][Fate(fate)] += count

    def tallies(part: str) -> dict[int, Tally]:
        return {one: Tally(counts) for (one, _two), counts in found[part].items()}

    totals, hours = tallies("total"), found["hour"]
    leads = tallies("lead")
    return Tallies(
        total=totals.get(1, Tally()),
        before=totals.get(0, Tally()),
        by_day={day_of(day): tally for day, tally in sorted(tallies("day").items())},
        by_hour={(day, hour): Tally(counts) for (day, hour), counts in hours.items()},
        by_lead=[leads.get(band, Tally()) for band in range(len(LEADS) + 1)],
        by_staff=tallies("staff"),
        by_type=tallies("type"),
        by_account=tallies("account"),
        chains=_chains(found["chain"], 1),
        chains_before=_chains(found["chain"], 0),
    )


def _chains(found: dict[Any, Counter[Fate]], current: int) -> Chains:
    """A chain is known by its last member: every member but the last was moved on.

    A last member beyond the first was confirmed when it was made; a first one was, if it is confirmed now or
    has come to an end that only confirmed ones come to.
    """
    tallies = {length: Tally(counts) for (length, here), counts in found.items() if here == current}
    confirmed = moved = 0
    for length, tally in tallies.items():
        count = sum(
            count for fate, count in tally.counts.items() if length > 1 or fate not in NEVER_CONFIRMED
        )
        confirmed += count
        moved += count if length > 1 else 0
    return Chains(tallies, confirmed, moved)


def statement(scope: Scope, previous: Scope) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """``(part, one, two, fate, count)``: what is grouped by, its key, the class, how many."""
    whole = scope.during(min(scope.since, previous.since), max(scope.before, previous.before))
    rows = cohort.members(whole).cte("cohort").prefix_with("MATERIALIZED", dialect="postgresql")
    rows = _derived(rows, scope, whole)
    here, fate = rows.c.here, rows.c.fate
    none: Any = sa.literal_column("0", sa.Integer())

    def part(name: str, one: Any, two: Any = none, *where: Any) -> sa.Select[Any]:
        keys = [key for key in (one, two) if key is not none]
        return (
            sa.select(
                sa.literal_column(f"'{name}'", sa.String()).label("part"),
                sa.cast(one, sa.BigInteger()).label("one"),
                sa.cast(two, sa.BigInteger()).label("two"),
                fate,
                sa.func.count().label("count"),
            )
            .where(*where)
            .group_by(*keys, fate)
        )

    current = here == 1
    many = (
        sa.select(rows.c.account_id)
        .where(current, rows.c.account_id.is_not(None))
        .group_by(rows.c.account_id)
        .order_by(sa.func.count().desc(), rows.c.account_id)
        .limit(ACCOUNTS)
    )
    return sa.union_all(
        part("total", here),
        part("day", rows.c.day, none, current),
        part("hour", rows.c.weekday, rows.c.hour, current),
        part("lead", rows.c.lead, none, current),
        part("staff", rows.c.staff_user_id, none, current),
        part("type", rows.c.appointment_type_id, none, current),
        part("account", rows.c.account_id, none, current, rows.c.account_id.in_(many)),
        part("chain", rows.c.chain_position, here, fate != int(Fate.RESCHEDULED)),
    )


def _derived(rows: Any, scope: Scope, whole: Scope) -> Any:
    """The cohort's rows with the keys that they are grouped by."""
    local = local_seconds(rows.c.start_time, scope.zone, whole.since, whole.before)
    lead = seconds(rows.c.start_time) - seconds(rows.c.created_at)
    bands: list[Any] = [(lead < days * DAY, sa.literal_column(str(band))) for band, days in enumerate(LEADS)]
    within = sa.and_(rows.c.start_time >= scope.since, rows.c.start_time < scope.before)
    keyed = sa.select(
        rows.c.staff_user_id,
        rows.c.appointment_type_id,
        rows.c.account_id,
        rows.c.chain_position,
        rows.c.fate,
        sa.case((within, 1), else_=0).label("here"),
        (local // DAY).label("day"),
        ((local // DAY + MONDAY) % 7).label("weekday"),
        (local % DAY // 3600).label("hour"),
        sa.case(*bands, else_=sa.literal_column(str(len(LEADS)))).label("lead"),
    )
    return keyed.cte("keyed").prefix_with("MATERIALIZED")
