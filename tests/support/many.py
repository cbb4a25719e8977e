"""A firm with a great many appointments, written by bulk SQL: 50 a day, one in twenty days still to come.

Every row is one that the lifecycle could have written, with its history; only the outbox stays empty. Told
``at_length``, most appointments were requested and approved first: three entries and more of each.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_user
from webapp.lifecycle.terms import sort_name_of, terms_of
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    AppointmentType,
    AuditEvent,
    Base,
    Contact,
    ContactTerm,
    Firm,
    StaffUser,
)
from webapp.vocabulary import Action, Role, Status

STAFF, SLOTS = 10, 5
PER_DAY = STAFF * SLOTS
PER_CONTACT = 10
"""Appointments of one contact, on average."""
LONGEST = 20
"""Members of the longest chains."""
LENGTH = timedelta(minutes=45)
# fmt: off
FIRST_NAMES = [
    "Ada", "Ben", "Cleo", "Dov", "Elif", "Finn", "Gita", "Hugo", "Ines", "Jonas", "Kofi", "Lena", "Mira",
    "Noah", "Olga", "Paul", "Quinn", "Rosa", "Sven", "Tara",
]
LAST_NAMES = [
    "Abara", "Berg", "Castro", "Dahl", "Evans", "Fischer", "Grant", "Haas", "Ivanov", "Jensen", "Khan",
    "Lopez", "Moreau", "Novak", "Okafor", "Patel", "Quist", "Rossi", "Silva", "Thompson", "Ueda", "Vogel",
    "Weber", "Xu", "Young", "Zeller",
]
# fmt: on


class Plan(NamedTuple):
    """What one appointment is: its steps after the first, and its columns that follow from them."""

    first: Action
    last: Action | None
    status: Status


BOOKED = Plan(Action.BOOK, None, Status.CONFIRMED)
REQUESTED = Plan(Action.REQUEST, None, Status.REQUESTED)
PROPOSED = Plan(Action.PROPOSE, None, Status.AWAITING_CONFIRMATION)
COMPLETED = Plan(Action.BOOK, Action.COMPLETE, Status.COMPLETED)
NO_SHOW = Plan(Action.BOOK, Action.MARK_NO_SHOW, Status.NO_SHOW)
CANCELLED = Plan(Action.BOOK, Action.CANCEL, Status.CANCELLED)
MOVED = Plan(Action.BOOK, Action.RESCHEDULE, Status.RESCHEDULED)
OUTCOMES = {Action.COMPLETE, Action.MARK_NO_SHOW, Action.CORRECT}
CALLED_OFF = {Action.CANCEL, Action.RESCHEDULE}
FIRST_STATUS = {
    Action.BOOK: Status.CONFIRMED,
    Action.REQUEST: Status.REQUESTED,
    Action.PROPOSE: Status.AWAITING_CONFIRMATION,
}


@dataclass(frozen=True)
class Ground:
    """What the rows stand on: whose they are, how many, and the first keys that are free."""

    firm_id: int
    now: datetime
    staff: list[tuple[int, str]]
    kinds: list[int]
    first: int
    first_contact: int
    count: int
    contacts: int
    turns: int
    at_length: bool


def fill(
    engine: Engine,
    world: World,
    count: int,
    *,
    contacts: int = 0,
    turns: int = 1,
    at_length: bool = False,
) -> None:
    """Add ``count`` appointments around the world's ``now``, with contacts, terms, history and some edits.

    Without ``contacts`` there is one for every ten appointments. In two ``turns`` a day holds 100 of them.
    """
    with Session(engine) as session:
        people = max(contacts or count // PER_CONTACT, 20)
        ground = _ground(session, world, count, people, turns, at_length)
        session.commit()
    with engine.connect().execution_options(write=True) as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA cache_size = -500000")  # indexes grow at all ends at once
        _write(connection, Contact, _contacts(ground))
        _write(connection, ContactTerm, _terms(ground))
        _write(connection, Appointment, _appointments(ground))
        _write(connection, AppointmentStatusHistory, _history(ground))
        _write(connection, AuditEvent, _edits(ground))
    analyse(engine)


def analyse(engine: Engine) -> None:
    """Let the planner know what there is, as autovacuum (or SQLite's optimize) does in time."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("VACUUM ANALYZE")


def _ground(session: Session, world: World, count: int, contacts: int, turns: int, at_length: bool) -> Ground:
    firm = session.get_one(Firm, sa.inspect(world.firm).identity)
    bookable = sa.select(StaffUser).where(StaffUser.firm_id == firm.firm_id, StaffUser.bookable)
    staff = [*session.scalars(bookable.order_by(StaffUser.staff_user_id))]
    staff += [make_user(session, firm, f"S{n} Staff", Role.STAFF) for n in range(STAFF - len(staff))]
    usual = session.scalars(sa.select(AppointmentType).where(AppointmentType.firm_id == firm.firm_id)).first()
    more = [
        AppointmentType(firm_id=firm.firm_id, name=name, duration=45, created_at=world.now)
        for name in ("Consultation", "Rare kind")
    ]
    session.add_all(more)
    session.flush()
    return Ground(
        firm_id=firm.firm_id,
        now=world.now,
        staff=[(user.staff_user_id, user.name) for user in staff],
        kinds=[kind.appointment_type_id for kind in (usual, *more) if kind is not None],
        first=(session.scalar(sa.select(sa.func.max(Appointment.appointment_id))) or 0) + 1,
        first_contact=(session.scalar(sa.select(sa.func.max(Contact.contact_id))) or 0) + 1,
        count=count,
        contacts=contacts,
        turns=turns,
        at_length=at_length,
    )


def name_of(number: int) -> str:
    """The name of the contact with this number, from 0: ``Ada Abara``, then ``Ben Abara2``, and so on."""
    first = FIRST_NAMES[number % len(FIRST_NAMES)]
    rest = number // len(FIRST_NAMES)
    last = LAST_NAMES[rest % len(LAST_NAMES)]
    turn = rest // len(LAST_NAMES)
    return f"{first} {last}{turn or ''}"


def _phone(number: int) -> str:
    """One in eight has a number: each has a dozen terms, which would be most of what is written."""
    return "" if number % 8 else f"020 7{number:07d}"


def _contacts(ground: Ground) -> Iterator[dict[str, Any]]:
    for number in range(ground.contacts):
        name = name_of(number)
        yield {
            "contact_id": ground.first_contact + number,
            "firm_id": ground.firm_id,
            "name": name,
            "sort_name": sort_name_of(name),
            "email": f"c{number}@client.example",
            "phone": _phone(number),
            "notes": "",
            "created_at": ground.now - timedelta(days=400),
        }


def _terms(ground: Ground) -> Iterator[dict[str, Any]]:
    for number in range(ground.contacts):
        for term in terms_of(name_of(number), f"c{number}@client.example", _phone(number)):
            yield {"firm_id": ground.firm_id, "term": term, "contact_id": ground.first_contact + number}


def _place(ground: Ground, number: int) -> tuple[datetime, int]:
    """Start and staff of an appointment; the first fifty are on one day, the next in its next turn, or on
    the day after."""
    days = ground.count // (PER_DAY * ground.turns)
    block, seat = divmod(number, PER_DAY)
    day, turn = divmod(block, ground.turns)
    midnight = ground.now.replace(hour=0, minute=0, second=0, microsecond=0)
    hour = 9 + turn * SLOTS + seat // STAFF
    start = midnight + timedelta(days=day - int(days * 0.95), hours=hour)
    return start, seat % STAFF


def _plan(number: int, start: datetime, now: datetime) -> Plan:
    if start + LENGTH > now:
        near = start < now + timedelta(days=7) and number % 50 != 7
        return REQUESTED if near and number % 17 == 0 else PROPOSED if near and number % 23 == 0 else BOOKED
    if start > now - timedelta(days=2) and number % 9 == 0 and number % 50 != 7:
        return BOOKED
    if number % 50 == 7 and number // PER_DAY % LONGEST != LONGEST - 1:
        return MOVED
    return CANCELLED if number % 10 == 3 else NO_SHOW if number % 12 == 5 else COMPLETED


def _steps(ground: Ground, number: int, plan: Plan) -> list[tuple[Action, Status]]:
    """What happened to an appointment, in order, each with the status it led to.

    At length, what is nobody's successor had been requested and approved, and every no-show and some others
    were first held for something else.
    """
    succeeds = _chain(ground, number)[0] is not None
    steps = [(Action.RESCHEDULE if succeeds else plan.first, FIRST_STATUS[plan.first])]
    ended = [] if plan.last is None else [(plan.last, plan.status)]
    if ground.at_length and not succeeds and plan.first is Action.BOOK:
        steps = [(Action.REQUEST, Status.REQUESTED), (Action.APPROVE, Status.CONFIRMED)]
    if ground.at_length and (plan is NO_SHOW or (plan is COMPLETED and number % 40 == 1)):
        held = COMPLETED if plan is NO_SHOW else NO_SHOW
        first = Action.COMPLETE if plan is NO_SHOW else Action.MARK_NO_SHOW
        ended = [(first, held.status), (Action.CORRECT, plan.status)]
    return steps + ended


def _is_successor(number: int) -> bool:
    """Whether the appointment a day before was moved here."""
    return number >= PER_DAY and number % 50 == 7


def _appointments(ground: Ground) -> Iterator[dict[str, Any]]:
    for number in range(ground.count):
        start, seat = _place(ground, number)
        plan = _plan(number, start, ground.now)
        made, ended = start - timedelta(days=10), start + LENGTH
        moved_from, position, root = _chain(ground, number)
        cancelled, moved = plan is CANCELLED, plan is MOVED
        yield {
            "appointment_id": ground.first + number,
            "firm_id": ground.firm_id,
            "appointment_type_id": ground.kinds[2] if number % 5000 == 11 else ground.kinds[number % 2],
            "staff_user_id": ground.staff[seat][0],
            "contact_id": ground.first_contact + number * 7 % ground.contacts,
            "booked_by": ground.staff[seat][1],
            "booked_by_id": ground.staff[seat][0],
            "start_time": start,
            "end_time": ended,
            "status": plan.status.value,
            "status_reason": "Ill" if cancelled else None,
            "rescheduled_at": start - timedelta(days=1) if moved else None,
            "rescheduled_from_id": moved_from,
            "chain_root_id": root,
            "chain_position": position,
            "cancelled_at": start - timedelta(days=1) if cancelled else None,
            "cancellation_kind": "cancelled" if cancelled else None,
            "cancelled_by": "client" if cancelled else None,
            "completed_at": ended if plan is COMPLETED else None,
            "no_show_at": ended if plan is NO_SHOW else None,
            "no_show_party": "client" if plan is NO_SHOW else None,
            "confirm_by": start if plan is PROPOSED else None,
            "location": f"Room {seat + 1}",
            "notes": "",
            "overbooked": False,
            "version": len(_steps(ground, number, plan)),
            "created_at": made,
        }


def _chain(ground: Ground, number: int) -> tuple[int | None, int, int | None]:
    """Predecessor, position and root of the chain that one seat's client keeps moving along, day by day."""
    if not _is_successor(number):
        return None, 1, None
    day = number // PER_DAY
    before, _seat = _place(ground, number - PER_DAY)
    if _plan(number - PER_DAY, before, ground.now) is not MOVED or day % LONGEST == 0:
        return None, 1, None
    root = number - day % LONGEST * PER_DAY
    return ground.first + number - PER_DAY, day % LONGEST + 1, ground.first + root


def _history(ground: Ground) -> Iterator[dict[str, Any]]:
    for number in range(ground.count):
        start, seat = _place(ground, number)
        plan = _plan(number, start, ground.now)
        who = {
            "firm_id": ground.firm_id,
            "appointment_id": ground.first + number,
            "changed_by_id": ground.staff[seat][0],
            "actor_kind": "staff",
            "actor_label": ground.staff[seat][1],
        }
        made, before = start - timedelta(days=10), None
        steps = _steps(ground, number, plan)
        for sequence, (action, after) in enumerate(steps, 1):
            when = made + timedelta(minutes=sequence - 1)
            if action in OUTCOMES:
                when = start + LENGTH
            elif sequence > 1 and action in CALLED_OFF:
                when = start - timedelta(days=1)
            yield who | _step(sequence, action, before, after, when)
            before = after


def _step(
    sequence: int, action: Action, before: Status | None, after: Status, when: datetime
) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "action": action.value,
        "from_status": before.value if before else None,
        "to_status": after.value,
        "reason": "Ill" if after is Status.CANCELLED else None,
        "no_show_party": "client" if after is Status.NO_SHOW else None,
        "cancelled_by": "client" if after is Status.CANCELLED else None,
        "changed_at": when,
        "occurred_at": when,
    }


def _edits(ground: Ground) -> Iterator[dict[str, Any]]:
    for number in range(0, ground.count, 4):
        yield {
            "firm_id": ground.firm_id,
            "subject": "appointment",
            "subject_id": ground.first + number,
            "action": "edit",
            "changes": '{"location": ["", "Room 1"]}',
            "changed_by_id": ground.staff[0][0],
            "actor_label": ground.staff[0][1],
            "changed_at": ground.now - timedelta(days=1),
        }


def _write(connection: Connection, model: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    """COPY on PostgreSQL, one prepared INSERT on SQLite; keys that were given move the sequence along."""
    stream = iter(rows)
    head = next(stream)
    table, columns = model.__tablename__, list(head)

    def values() -> Iterator[list[Any]]:
        yield [head[column] for column in columns]
        for row in stream:
            yield [row[column] for column in columns]

    listed = ", ".join(columns)
    if connection.dialect.name == "postgresql":
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
            for row in values():
                copy.write_row(row)
        key = f"{table}_id"
        if key in columns:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{key}'), (SELECT max({key}) FROM {table}))"
            )
        cursor.close()
        return
    marks = ", ".join("?" * len(columns))
    cursor = connection.connection.cursor()
    texts: Any = ([*map(_text, row)] for row in values())  # any iterable will do
    cursor.executemany(f"INSERT INTO {table} ({listed}) VALUES ({marks})", texts)
    cursor.close()


def _text(value: Any) -> Any:
    """A value as SQLite keeps it: instants in UTC, as SQLAlchemy writes them."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value
