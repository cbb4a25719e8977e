"""All counts of a dashboard in one statement: the cohort is found once and grouped in several ways."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.queries.analytics import cohort, times
from webapp.queries.analytics.classes import CLOSED, NEVER_CONFIRMED, Fate, Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.instants import DAY, MONDAY, day_of, offset_at, seconds
from webapp.queries.analytics.rates import Rate, Spread, spread
from webapp.queries.analytics.tally import Tally
from webapp.queries.analytics.times import Times

LEADS = (1, 2, 4, 8, 15, 31)
"""Lead time, in days between booking and start: below the first, from each to the next, from the last on."""
ACCOUNTS = 50
"""So many accounts are counted by name, those with most appointments."""
MIDDLES = ("lead time", "notice")
"""Parts whose rows are ``(part, rank, seconds, nothing, count)``."""
NONE: Any = sa.literal_column("0", sa.Integer())


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
    """Counts of one period by class; ``before`` are the totals of the period that it is compared with.
    ``by_account`` has the ``ACCOUNTS`` with most appointments, of ``accounts`` that have any."""

    total: Tally
    before: Tally
    by_day: dict[date, Tally]
    by_hour: dict[tuple[int, int], Tally]
    by_lead: list[Tally]
    by_staff: dict[int, Tally]
    by_type: dict[int, Tally]
    by_account: dict[int, Tally]
    accounts: int
    chains: Chains
    chains_before: Chains
    times: Times


def load(session: Session, scope: Scope, previous: Scope) -> Tallies:
    """One statement. Weekdays count from Monday, 0; hours are those of the firm's clock."""
    found: dict[str, dict[Any, Counter[Fate]]] = defaultdict(lambda: defaultdict(Counter))
    ranks: dict[str, dict[int, int]] = {kind: {} for kind in MIDDLES}
    counts: dict[str, int] = {}
    for part, one, two, fate, count in session.execute(statement(scope, previous)):
        if part == "accounts":
            counts[part] = count
        elif part in ranks:
            ranks[part][one], counts[part] = two, count
        else:
            found[part][one, two][Fate(fate)] += count

    def tallies(part: str) -> dict[int, Tally]:
        return {one: Tally(counts) for (one, _two), counts in found[part].items()}

    hours, leads, everybody = found["hour"], tallies("lead"), found["staff"]
    return Tallies(
        total=_sum(everybody, 1),
        before=_sum(everybody, 0),
        by_day={day_of(day): tally for day, tally in sorted(tallies("day").items())},
        by_hour={(day, hour): Tally(counts) for (day, hour), counts in hours.items()},
        by_lead=[leads.get(band, Tally()) for band in range(len(LEADS) + 1)],
        by_staff={one: Tally(counts) for (one, here), counts in everybody.items() if here},
        by_type=tallies("type"),
        by_account=tallies("account"),
        accounts=counts["accounts"],
        chains=_chains(found["chain"], 1),
        chains_before=_chains(found["chain"], 0),
        times=Times(*(times.middle(ranks[kind], counts.get(kind, 0)) for kind in MIDDLES)),
    )


def _sum(everybody: dict[Any, Counter[Fate]], current: int) -> Tally:
    """Each appointment is one person's: together they are all."""
    return Tally(sum((counts for (_one, here), counts in everybody.items() if here == current), Counter()))


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
    rows = _keyed(scope, scope.during(min(scope.since, previous.since), max(scope.before, previous.before)))
    current = rows.c.here == 1
    accounts = (
        sa.select(rows.c.account_id, rows.c.fate, sa.func.count().label("count"))
        .where(current, rows.c.account_id.is_not(None))
        .group_by(rows.c.account_id, rows.c.fate)
        .cte("accounts")
        .prefix_with("MATERIALIZED")
    )
    many = (
        sa.select(accounts.c.account_id)
        .group_by(accounts.c.account_id)
        .order_by(sa.func.sum(accounts.c.count).desc(), accounts.c.account_id)
        .limit(ACCOUNTS)
    )
    return sa.union_all(
        _part("day", rows, (rows.c.local // DAY,), current),
        _part("hour", rows, ((rows.c.local // DAY + MONDAY) % 7, rows.c.local % DAY // 3600), current),
        _part("lead", rows, (_band(rows.c.lead),), current),
        _part("staff", rows, (rows.c.staff_user_id, rows.c.here)),
        _part("type", rows, (rows.c.appointment_type_id,), current),
        _part("chain", rows, (rows.c.chain_position, rows.c.here), rows.c.fate != int(Fate.RESCHEDULED)),
        _row("account", (accounts.c.account_id,), accounts.c.fate, accounts.c.count).where(
            accounts.c.account_id.in_(many)
        ),
        _row("accounts", (NONE,), NONE, sa.func.count(accounts.c.account_id.distinct())),
        *(
            _middle(kind, value, current)
            for kind, value in zip(MIDDLES, (rows.c.lead, rows.c.notice), strict=True)
        ),
    )


def _middle(kind: str, value: Any, *where: Any) -> sa.Select[Any]:
    at = times.ranked(value, *where).subquery()
    return _row(kind, (at.c.rank, at.c.value), NONE, at.c.count)


def _row(name: str, keys: tuple[Any, ...], fate: Any, count: Any) -> sa.Select[Any]:
    one, two = (*keys, NONE)[:2]
    return sa.select(
        sa.literal_column(f"'{name}'", sa.String()).label("part"),
        sa.cast(one, sa.BigInteger()).label("one"),
        sa.cast(two, sa.BigInteger()).label("two"),
        fate,
        count.label("count"),
    )


def _part(name: str, rows: Any, keys: tuple[Any, ...], *where: Any) -> sa.Select[Any]:
    """Grouped by place, so that a key's expression is written, and its parameters are sent, once."""
    grouped: list[Any] = [sa.literal_column(str(2 + place)) for place in range(len(keys))]
    return _row(name, keys, rows.c.fate, sa.func.count()).where(*where).group_by(*grouped, rows.c.fate)


def _band(lead: Any) -> Any:
    bands: list[Any] = [(lead < days * DAY, sa.literal_column(str(band))) for band, days in enumerate(LEADS)]
    return sa.case(*bands, else_=sa.literal_column(str(len(LEADS))))


def _keyed(scope: Scope, whole: Scope) -> Any:
    """The cohort's rows, each read once and its instants made numbers once: ``here`` is 1 in the period,
    ``local`` the firm's clock at the start; ``lead`` and ``notice`` are how long before that it was booked,
    and cancelled or moved, in seconds."""
    rows = cohort.members(whole).subquery("cohort")
    within = sa.and_(rows.c.start_time >= scope.since, rows.c.start_time < scope.before)
    read = (
        sa.select(
            rows.c.staff_user_id,
            rows.c.appointment_type_id,
            rows.c.account_id,
            rows.c.chain_position,
            rows.c.fate,
            sa.case((within, 1), else_=0).label("here"),
            seconds(rows.c.start_time).label("start"),
            seconds(rows.c.created_at).label("created"),
            seconds(rows.c.ended_at).label("ended"),
        )
        .cte("read")
        .prefix_with("MATERIALIZED")
    )
    offset = offset_at(read.c.start, scope.zone, whole.since, whole.before)
    keyed = sa.select(
        *(column for column in read.c if column.name not in {"start", "created", "ended"}),
        (read.c.start + offset).label("local"),
        (read.c.start - read.c.created).label("lead"),
        (read.c.start - read.c.ended).label("notice"),
    )
    return keyed.cte("keyed").prefix_with("NOT MATERIALIZED")
