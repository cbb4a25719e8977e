"""The one place that gives an appointment a status.

Each change is a guarded write (it succeeds only if the row is still as the actor saw it), one history row
and one outbox event, in the caller's transaction: all or none. Nothing here commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from webapp.lifecycle import conflicts, deliveries, digests, recording_sets
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import SlotTaken
from webapp.lifecycle.recording_sets import APPOINTMENTS, HISTORY, OUTBOX, Move
from webapp.lifecycle.transitions import TABLE, is_legal
from webapp.models import Appointment
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Override, Status

SLOT_MARKS = ("slot_taken", "ex_appointment_slot")
GUARDED = (
    "status",
    "status_reason",
    "version",
    "rescheduled_at",
    "cancelled_at",
    "cancellation_kind",
    "cancelled_by",
    "completed_at",
    "no_show_at",
    "no_show_party",
)
"""What every change of an appointment sets, so that its statement is always the same."""
CHANGE = (
    sa.update(APPOINTMENTS)
    .where(
        APPOINTMENTS.c.firm_id == sa.bindparam("seen_firm"),
        APPOINTMENTS.c.appointment_id == sa.bindparam("seen_id"),
        APPOINTMENTS.c.status == sa.bindparam("seen_status"),
        APPOINTMENTS.c.version == sa.bindparam("seen_version"),
    )
    .values({name: sa.bindparam(f"new_{name}", type_=APPOINTMENTS.c[name].type) for name in GUARDED})
    .returning(*digests.last_of())
)
ENTRY = sa.insert(HISTORY)
EVENT = sa.insert(OUTBOX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An appointment as another system had it. ``occurred_at`` is the stamp of its status."""

    external_ref: str
    appointment_type_id: int
    staff_user_id: int
    contact_id: int | None
    account_id: int | None
    start_time: datetime
    end_time: datetime
    status: Status
    no_show_party: NoShowParty | None
    cancelled_by: CancelledBy | None
    created_at: datetime
    occurred_at: datetime
    overbooked: bool
    location: str
    notes: str
    reason: str


def create(
    session: Session,
    appointment: Appointment,
    *,
    action: Action,
    status: Status,
    actor: Actor,
    now: datetime,
    reason: str | None = None,
    occurred_at: datetime | None = None,
    overrides: tuple[Override, ...] = (),
    no_show_party: NoShowParty | None = None,
    cancelled_by: CancelledBy | None = None,
) -> Appointment:
    """Insert a new appointment with its first history row.

    Raises:
        SlotTaken: the database's slot guard refused the interval.
    """
    occurred_at = occurred_at or now
    _require_legal(action, None, status)
    for column, value in _values(action, status, reason, occurred_at, no_show_party, cancelled_by).items():
        setattr(appointment, column, value)
    appointment.version = 1
    appointment.created_at = now
    session.add(appointment)
    _guarded_flush(session)
    _write_history(
        session,
        appointment,
        digests.Last(0, None),
        action=action,
        source=None,
        actor=actor,
        now=now,
        reason=reason,
        occurred_at=occurred_at,
        overrides=overrides,
    )
    return appointment


def record(
    session: Session,
    appointment: Appointment,
    *,
    action: Action,
    to: Status,
    actor: Actor,
    now: datetime,
    expected_version: int,
    reason: str | None = None,
    occurred_at: datetime | None = None,
    overrides: tuple[Override, ...] = (),
    no_show_party: NoShowParty | None = None,
    cancelled_by: CancelledBy | None = None,
) -> None:
    """Move an existing appointment along one row of the transition table.

    Raises:
        Stale: the row no longer has the status and version that the actor saw.
    """
    occurred_at = occurred_at or now
    source = appointment.status
    _require_legal(action, source, to)
    values = _values(action, to, reason, occurred_at, no_show_party, cancelled_by)
    values["version"] = expected_version + 1
    session.flush()
    seen = {
        "seen_firm": actor.firm_id,
        "seen_id": appointment.appointment_id,
        "seen_status": source,
        "seen_version": expected_version,
    }
    new = {f"new_{column}": value for column, value in values.items()}
    last = session.execute(CHANGE, seen | new).one_or_none()
    if last is None:
        raise conflicts.stale(session, appointment)
    for column, value in values.items():
        set_committed_value(appointment, column, value)
    _write_history(
        session,
        appointment,
        digests.Last(*last),
        action=action,
        source=source,
        actor=actor,
        now=now,
        reason=reason,
        occurred_at=occurred_at,
        overrides=overrides,
    )


def bulk_record(
    session: Session,
    moves: Sequence[Move],
    *,
    action: Action,
    source: Status,
    to: Status,
    actor: Actor,
    now: datetime,
    cancelled_by: CancelledBy | None = None,
) -> list[int]:
    """Move a set of appointments along one row of the transition table, in three statements.

    Writes what :func:`record` would write for each: the guarded change, the history row, the outbox event. An
    appointment that no longer has the status and version that were seen is left alone. Objects that the
    session holds of them are not brought up to date.

    Returns:
        The ids of those that were moved.
    """
    _require_legal(action, source, to)
    if not moves:
        return []
    dialect = session.get_bind().dialect.name
    facts = recording_sets.facts(recording_sets.encode(dialect, moves), action, source, to, actor, now)
    connection = session.connection()
    found = connection.execute(recording_sets.change(dialect, action, to, cancelled_by), facts)
    moved = {row[0]: digests.Last(row[1], row[2]) for row in found}
    if not moved:
        return []
    left = [move for move in moves if move.appointment_id in moved]
    facts["moves_rows"] = recording_sets.hashed(session, left, moved, facts, cancelled_by)
    connection.execute(recording_sets.history(dialect, cancelled_by), facts)
    connection.execute(recording_sets.events(dialect, action, source, to, cancelled_by), facts)
    if deliveries.has_listeners(session, actor.firm_id):
        connection.execute(deliveries.of_set(dialect, tuple(recording_sets.MOVES.items())), facts)
    return list(moved)


def bulk_import(session: Session, rows: Sequence[Imported], *, actor: Actor, now: datetime) -> None:
    """Insert appointments that happened elsewhere, each with its one history row, in two statements.

    The rows' references must be new to the firm and differ from each other. There is no outbox event: what
    was imported is known where it came from.

    Raises:
        SlotTaken: a live row lies in a slot that is held; nothing was written.
    """
    if not rows:
        return
    appointments = [_imported_values(row, actor) for row in rows]
    statement = sa.insert(APPOINTMENTS).returning(APPOINTMENTS.c.external_ref, APPOINTMENTS.c.appointment_id)
    try:
        made: dict[Any, int] = dict(session.execute(statement, appointments).all())
    except DatabaseError as error:
        _explain_taken(error)
        raise
    shared = {
        "firm_id": actor.firm_id,
        "sequence": 1,
        "action": Action.IMPORT,
        "changed_by_id": actor.staff_user_id,
        "actor_kind": actor.kind,
        "actor_label": actor.label,
        "changed_at": now,
    }
    begun = digests.bookings(session, actor.firm_id, made.values())
    entries = []
    for row in rows:
        number = made[row.external_ref]
        values = shared | {
            "appointment_id": number,
            "to_status": row.status,
            "reason": row.reason,
            "no_show_party": row.no_show_party,
            "cancelled_by": row.cancelled_by,
            "occurred_at": row.occurred_at,
        }
        entries.append(values | digests.entry(begun[number], values)._asdict())
    session.execute(sa.insert(HISTORY), entries)


def _imported_values(row: Imported, actor: Actor) -> dict[str, Any]:
    _require_legal(Action.IMPORT, None, row.status)
    return {
        "firm_id": actor.firm_id,
        "external_ref": row.external_ref,
        "appointment_type_id": row.appointment_type_id,
        "staff_user_id": row.staff_user_id,
        "contact_id": row.contact_id,
        "account_id": row.account_id,
        "booked_by": actor.label,
        "booked_by_id": actor.staff_user_id,
        "start_time": row.start_time,
        "end_time": row.end_time,
        "overbooked": row.overbooked,
        "location": row.location,
        "notes": row.notes,
        "chain_position": 1,
        "version": 1,
        "created_at": row.created_at,
        **_values(
            Action.IMPORT, row.status, row.reason, row.occurred_at, row.no_show_party, row.cancelled_by
        ),
    }


def _require_legal(action: Action, source: Status | None, to: Status) -> None:
    if not is_legal(action, source, to):
        raise AssertionError(f"{action} from {source} to {to} is not in the transition table")


def _values(
    action: Action,
    to: Status,
    reason: str | None,
    occurred_at: datetime,
    no_show_party: NoShowParty | None,
    cancelled_by: CancelledBy | None,
) -> dict[str, Any]:
    """The status and all its stamps: its own is set, every other is cleared."""
    cancelled = to is Status.CANCELLED
    kind = TABLE[action].kind or (_imported_kind(action) if cancelled else None)
    return {
        "status": to,
        "status_reason": reason,
        "rescheduled_at": occurred_at if to is Status.RESCHEDULED else None,
        "cancelled_at": occurred_at if cancelled else None,
        "cancellation_kind": kind if cancelled else None,
        "cancelled_by": cancelled_by if cancelled else None,
        "completed_at": occurred_at if to is Status.COMPLETED else None,
        "no_show_at": occurred_at if to is Status.NO_SHOW else None,
        "no_show_party": no_show_party if to is Status.NO_SHOW else None,
    }


def _imported_kind(action: Action) -> Any:
    return TABLE[Action.CANCEL].kind if action is Action.IMPORT else None


def _guarded_flush(session: Session) -> None:
    try:
        session.flush()
    except DatabaseError as error:
        _explain_taken(error)
        raise


def _explain_taken(error: DatabaseError) -> None:
    """Turn the slot guard's refusal into a sentence; leave any other error alone."""
    if any(mark in str(error.orig) for mark in SLOT_MARKS):
        raise SlotTaken("That time was taken a moment ago. Choose another time.", field="start") from error


def _write_history(
    session: Session,
    appointment: Appointment,
    last: digests.Last,
    *,
    action: Action,
    source: Status | None,
    actor: Actor,
    now: datetime,
    reason: str | None,
    occurred_at: datetime,
    overrides: tuple[Override, ...],
) -> None:
    """The entry after the last one, and the event that tells of it."""
    sequence = last.sequence + 1
    values = {
        "firm_id": appointment.firm_id,
        "appointment_id": appointment.appointment_id,
        "sequence": sequence,
        "action": action,
        "from_status": source,
        "to_status": appointment.status,
        "reason": reason,
        "no_show_party": appointment.no_show_party,
        "cancelled_by": appointment.cancelled_by,
        "overrides": ",".join(overrides) or None,
        "changed_by_id": actor.staff_user_id,
        "actor_kind": actor.kind,
        "actor_label": actor.label,
        "changed_at": now,
        "occurred_at": occurred_at,
    }
    made = digests.entry(last.entry_hash or digests.booking(appointment), values)
    session.execute(ENTRY, values | made._asdict())
    if action is not Action.IMPORT:  # what was imported happened elsewhere; nobody is told again
        session.execute(EVENT, _event(appointment, sequence, action, source, now, occurred_at))
        deliveries.tell(session, appointment, sequence, now)


def _event(
    appointment: Appointment,
    sequence: int,
    action: Action,
    source: Status | None,
    now: datetime,
    occurred_at: datetime,
) -> dict[str, Any]:
    """The outbox row: ids and facts, no free text."""
    name = "corrected" if action is Action.CORRECT else appointment.status.value
    return {
        "firm_id": appointment.firm_id,
        "appointment_id": appointment.appointment_id,
        "sequence": sequence,
        "event_type": f"appointment.{name}",
        "created_at": now,
        "payload": recording_sets.payload(
            appointment,
            action,
            source,
            appointment.status,
            occurred_at,
            party=appointment.no_show_party,
            cancelled_by=appointment.cancelled_by,
        ),
    }
