"""The firm's whole status history, newest first, filtered, in pages of a keyset.

Which steps there are is known from the transition table. A filter by action or status names some of them, and
each is a range of an index of which a page's worth is read at most; their union is sorted. Whose appointment
it is stands with the appointment: for that filter the newest ``STRETCH`` changes that pass the others are
looked through, and the page says how far back it came.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.transitions import is_legal
from webapp.models import Account, Appointment, AppointmentStatusHistory, Contact, StaffUser
from webapp.queries import snapshots
from webapp.queries.snapshots import Counted
from webapp.vocabulary import Action, ActorKind, CancelledBy, NoShowParty, Status

SIZE = 50
BATCH = 500
"""Rows of a file that are in memory at a time."""
CAP = 1000
"""Counting stops one above; a page shows "1,000+" then."""
STRETCH = 4000
"""Changes that one page looks through for those of one person's appointments."""

Cursor = tuple[datetime, int]
"""When it was recorded, and the number of the row."""
Step = tuple[Action, Status | None, Status]
"""An action, the status before (None where it made the appointment), the status after."""

STEPS: tuple[Step, ...] = tuple(
    (action, before, after)
    for action in Action
    for before in (None, *Status)
    for after in Status
    if is_legal(action, before, after)
)

History = AppointmentStatusHistory


@dataclass(frozen=True, slots=True)
class Who:
    """One staff user, or (without a number) everybody of a kind: clients, the system."""

    kind: ActorKind
    staff_user_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is listed; unset means everything. It was recorded within ``[since, before)``.

    ``new`` asks for changes that made an appointment, ``staff_user_id`` for those of one person's meetings.
    """

    since: datetime | None = None
    before: datetime | None = None
    action: Action | None = None
    was: Status | None = None
    new: bool = False
    became: Status | None = None
    who: Who | None = None
    staff_user_id: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the history, with the meeting that it is about."""

    history_id: int
    changed_at: datetime
    occurred_at: datetime
    action: Action
    from_status: Status | None
    to_status: Status
    reason: str | None
    no_show_party: NoShowParty | None
    cancelled_by: CancelledBy | None
    overridden: str | None
    actor_kind: ActorKind
    actor_label: str
    appointment_id: int
    start_time: datetime
    end_time: datetime
    client: str
    staff_name: str

    @property
    def overrides(self) -> list[str]:
        """The limits that staff went past, words of ``Override``."""
        return self.overridden.split(",") if self.overridden else []


COLUMNS: tuple[Any, ...] = (
    History.history_id,
    History.changed_at,
    History.occurred_at,
    History.action,
    History.from_status,
    History.to_status,
    History.reason,
    History.no_show_party,
    History.cancelled_by,
    History.overrides,
    History.actor_kind,
    History.actor_label,
    Appointment.appointment_id,
    Appointment.start_time,
    Appointment.end_time,
    sa.func.coalesce(Contact.name, Account.name),
    StaffUser.name,
)
"""In the order of :class:`Change`."""


@dataclass(frozen=True, slots=True)
class Page:
    """``following`` is where the next page begins, None at the end.

    ``count`` is of everything that passes, ``CAP + 1`` where counting stopped, None where it is not known.
    ``reached`` is how far back was looked where that was cut short.
    """

    rows: list[Change]
    count: int | None
    following: Cursor | None
    reached: datetime | None = None


def page(
    session: Session,
    *,
    firm_id: int,
    criteria: Criteria,
    after: Cursor | None = None,
    size: int = SIZE,
    counted: bool = True,
) -> Page:
    """The changes before a key in time. Two statements: the rows, and how many there are or how far it went.

    Not ``counted``, it is one statement where nobody's meetings are asked for.
    """
    if criteria.staff_user_id is not None:
        return _page_of_one(session, firm_id, criteria, after, size)
    rows = _fetch(session, _newest(firm_id, criteria, after, size + 1), size + 1)
    more, rows = len(rows) > size, rows[:size]
    count = _count(session, firm_id, criteria) if counted else None
    return Page(rows, count, _key(rows[-1]) if more else None)


def _page_of_one(session: Session, firm_id: int, criteria: Criteria, after: Cursor | None, size: int) -> Page:
    rows = _fetch(session, _of_one(firm_id, criteria, after), size + 1)
    more, rows = len(rows) > size, rows[:size]
    reached = _reached(session, firm_id, criteria, after)
    if more:
        return Page(rows, None, _key(rows[-1]))
    if reached is not None:
        return Page(rows, None, reached, reached[0])
    return Page(rows, None if after else len(rows), None)


def _key(change: Change) -> Cursor:
    return change.changed_at, change.history_id


def news(session: Session, *, firm_id: int, criteria: Criteria, since: datetime, most: int) -> int:
    """How many changes that pass were recorded since, counted to ``most``. It never falls. One statement.

    It looks through the first ``STRETCH`` recorded since: a page that missed more is long out of date.
    """
    times = _during(replace(criteria, since=max(since, criteria.since or since)))
    first = (
        sa.select(History)
        .where(History.firm_id == firm_id, *times)
        .order_by(History.changed_at, History.history_id)
        .limit(STRETCH)
        .subquery("first")
    )
    passing = _passing(first.c, firm_id, criteria)
    some = sa.select(sa.literal_column("1")).select_from(first).where(*passing).limit(most).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(some)) or 0


def every(engine: sa.Engine, *, firm_id: int, criteria: Criteria) -> Counted[Change]:
    """All that pass, newest first, counted, then fetched ``BATCH`` at a time."""
    conditions = [History.firm_id == firm_id, *_passing(History, firm_id, criteria), *_during(criteria)]
    how_many = sa.select(sa.func.count()).select_from(History).where(*conditions)

    def read(session: Session) -> Iterator[Change]:
        after: Cursor | None = None
        while True:
            found = page(session, firm_id=firm_id, criteria=criteria, after=after, size=BATCH, counted=False)
            yield from found.rows
            if found.following is None:
                return
            after = found.following

    return snapshots.counted(engine, how_many, read)


def people(session: Session, *, firm_id: int) -> list[tuple[int, str]]:
    """``(id, name)`` of all staff, former ones included, by name. One statement."""
    found = session.execute(
        sa.select(StaffUser.staff_user_id, StaffUser.name)
        .where(StaffUser.firm_id == firm_id)
        .order_by(StaffUser.name, StaffUser.staff_user_id)
    )
    return [(row[0], row[1]) for row in found]


def steps(criteria: Criteria) -> list[Step] | None:
    """The steps that actions and statuses leave; None where neither is asked for."""
    if not (criteria.action or criteria.was or criteria.new or criteria.became):
        return None
    return [
        (action, before, after)
        for action, before, after in STEPS
        if criteria.action in {None, action}
        and criteria.became in {None, after}
        and (criteria.was is None or before is criteria.was)
        and (not criteria.new or before is None)
    ]


def _ranges(criteria: Criteria) -> list[dict[str, Any]]:
    """What each range of an index is equal to, column by column; no range where nothing can pass."""
    chosen = steps(criteria)
    if chosen is None and criteria.who is None:
        return [{}]
    return [
        {**_actor(criteria.who), "action": action, "to_status": after, "from_status": before}
        for action, before, after in (STEPS if chosen is None else chosen)
    ]


def _newest(firm_id: int, criteria: Criteria, after: Cursor | None, limit: int) -> sa.Select[Any]:
    """Numbers and times of the newest changes that pass the filters which the history itself answers."""
    branches = [_branch(firm_id, criteria, equal, after, limit) for equal in _ranges(criteria)]
    if not branches:
        branches = [_branch(firm_id, criteria, {}, after, limit).where(sa.false())]
    parts = [branch.subquery() for branch in branches]
    if len(parts) == 1:
        return sa.select(parts[0].c.history_id, parts[0].c.changed_at)
    union = sa.union_all(*map(sa.select, parts)).subquery()
    return (
        sa.select(union.c.history_id, union.c.changed_at)
        .order_by(union.c.changed_at.desc(), union.c.history_id.desc())
        .limit(limit)
    )


def _branch(
    firm_id: int, criteria: Criteria, equal: dict[str, Any], after: Cursor | None, limit: int
) -> sa.Select[Any]:
    """One range. Columns that are null lead the order too: PostgreSQL takes no null for a constant."""
    conditions = [History.firm_id == firm_id, *_same(equal), *_during(criteria)]
    leading = [getattr(History, name).desc() for name, value in equal.items() if value is None]
    if after is not None:
        mark = sa.tuple_(sa.bindparam(None, after[0], History.changed_at.type), sa.bindparam(None, after[1]))
        conditions.append(sa.tuple_(History.changed_at, History.history_id) < mark)
    newest = (*leading, History.changed_at.desc(), History.history_id.desc())
    columns: tuple[Any, ...] = (History.history_id, History.changed_at)
    return sa.select(*columns).where(*conditions).order_by(*newest).limit(limit)


def _same(equal: dict[str, Any], row: Any = History) -> list[sa.ColumnElement[bool]]:
    columns = ((getattr(row, name), value) for name, value in equal.items())
    return [column.is_(None) if value is None else column == value for column, value in columns]


def _during(criteria: Criteria) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if criteria.since is not None:
        found.append(History.changed_at >= criteria.since)
    if criteria.before is not None:
        found.append(History.changed_at < criteria.before)
    return found


def _passing(row: Any, firm_id: int, criteria: Criteria) -> list[sa.ColumnElement[bool]]:
    """The filters but for the period, as conditions on each row of a piece of the history."""
    asked: dict[str, Any] = _actor(criteria.who)
    if criteria.action is not None:
        asked["action"] = criteria.action
    if criteria.became is not None:
        asked["to_status"] = criteria.became
    if criteria.new or criteria.was is not None:
        asked["from_status"] = criteria.was
    found = _same(asked, row)
    if criteria.staff_user_id is not None:
        found.append(_whose(firm_id, row) == criteria.staff_user_id)
    return found


def _actor(who: Who | None) -> dict[str, Any]:
    return {"actor_kind": who.kind, "changed_by_id": who.staff_user_id} if who else {}


def _whose(firm_id: int, row: Any) -> sa.ScalarSelect[int]:
    """Whose appointment a row of the history is about, by the appointment's key."""
    return (
        sa.select(Appointment.staff_user_id)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id == row.appointment_id)
        .correlate_except(Appointment)
        .scalar_subquery()
    )


def _of_one(firm_id: int, criteria: Criteria, after: Cursor | None) -> sa.Select[Any]:
    """Of a stretch of changes those of one person's appointments, each looked up by its key."""
    stretch = _newest(firm_id, criteria, after, STRETCH).subquery("stretch")
    found: sa.Select[Any] = (
        sa.select(stretch.c.history_id, stretch.c.changed_at)
        .join(History, History.history_id == stretch.c.history_id)
        .where(_whose(firm_id, History) == criteria.staff_user_id)
        .order_by(stretch.c.changed_at.desc(), stretch.c.history_id.desc())
    )
    return found


def _reached(session: Session, firm_id: int, criteria: Criteria, after: Cursor | None) -> Cursor | None:
    """The last change of a stretch that was looked through; None where the stretch holds all there is."""
    stretch = _newest(firm_id, criteria, after, STRETCH).subquery("stretch")
    last = (
        sa.select(stretch)
        .order_by(stretch.c.changed_at.desc(), stretch.c.history_id.desc())
        .offset(STRETCH - 1)
        .limit(1)
    )
    row = session.execute(last).one_or_none()
    return (row.changed_at, row.history_id) if row else None


def _count(session: Session, firm_id: int, criteria: Criteria) -> int:
    """All that somebody did is one range of their index, where its order in time does not matter."""
    some = _newest(firm_id, criteria, None, CAP + 1)
    if criteria.who is not None and steps(criteria) is None:
        conditions = [History.firm_id == firm_id, *_same(_actor(criteria.who)), *_during(criteria)]
        by_index = (History.actor_kind, History.changed_by_id, History.action, History.to_status)
        some = sa.select(History.history_id).where(*conditions).order_by(*by_index).limit(CAP + 1)
    return session.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0


def _fetch(session: Session, seen: sa.Select[Any], limit: int) -> list[Change]:
    picked = seen.limit(limit).subquery("picked")
    statement = (
        sa.select(*COLUMNS)
        .select_from(picked)
        .join(History, History.history_id == picked.c.history_id)
        .join(Appointment, Appointment.appointment_id == History.appointment_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
        .order_by(picked.c.changed_at.desc(), picked.c.history_id.desc())
    )
    return [Change(*row) for row in session.execute(statement)]
