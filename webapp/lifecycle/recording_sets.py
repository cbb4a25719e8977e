"""The statements by which ``recording.bulk_record`` moves a set of appointments, and what an event says.

Nothing else executes them: the status, the history and the outbox are written together or not at all.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert, ReturningUpdate

from webapp.lifecycle import rowsets
from webapp.lifecycle.actors import Actor
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Status

APPOINTMENTS = cast(sa.Table, Appointment.__table__)
HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
OUTBOX = cast(sa.Table, OutboxEvent.__table__)
MOVES: rowsets.Columns = {
    "appointment_id": rowsets.INTEGER,
    "version": rowsets.INTEGER,
    "occurred_at": rowsets.MOMENT,
    "reason": rowsets.TEXT,
    "party": rowsets.TEXT,
}
STAMPS = {Status.COMPLETED: "completed_at", Status.NO_SHOW: "no_show_at", Status.CANCELLED: "cancelled_at"}


class Move(NamedTuple):
    """One appointment of a set that takes the same step. ``version`` is the one that was seen.

    A tuple, because there are many of them: in the order of ``MOVES``, they are the rows of the statements.
    """

    appointment_id: int
    version: int
    occurred_at: datetime
    reason: str | None = None
    no_show_party: NoShowParty | None = None


def encode(session: Session, moves: Sequence[Move]) -> str:
    """The moves as the first two statements take them."""
    return rowsets.encode(session, MOVES, moves)


def change(
    session: Session,
    encoded: str,
    values: dict[str, Any],
    source: Status,
    to: Status,
    actor: Actor,
) -> ReturningUpdate[Any]:
    """The guarded change of encoded moves. ``values`` is what is the same for all."""
    given = rowsets.table(session, "moves", MOVES, encoded)
    values = values | {"status_reason": given.c.reason, "version": given.c.version + 1}
    if to in STAMPS:
        values[STAMPS[to]] = given.c.occurred_at
    if to is Status.NO_SHOW:
        values["no_show_party"] = given.c.party
    here = APPOINTMENTS.c
    firm: Any = here.firm_id
    if session.get_bind().dialect.name == "sqlite":
        # Wrapped, its indexes are out of the question: SQLite would start from all that have the status.
        firm = sa.func.coalesce(firm, 0)
    return (
        sa.update(APPOINTMENTS)
        .where(
            here.appointment_id == given.c.appointment_id,
            firm == actor.firm_id,
            here.status == source,
            here.version == given.c.version,
        )
        .values(values)
        .returning(here.appointment_id, here.version, here.rescheduled_from_id, here.chain_root_id)
    )


def history(
    session: Session,
    encoded: str,
    action: Action,
    source: Status,
    to: Status,
    actor: Actor,
    now: datetime,
    cancelled_by: CancelledBy | None,
) -> ReturningInsert[Any]:
    """One history row for each, numbered after its last."""
    given = rowsets.table(session, "moved", MOVES, encoded)
    before = HISTORY.alias("earlier")
    last = (
        sa.select(sa.func.max(before.c.sequence))
        .where(before.c.firm_id == actor.firm_id, before.c.appointment_id == given.c.appointment_id)
        .scalar_subquery()
    )
    values: dict[str, Any] = {
        "firm_id": sa.bindparam(None, actor.firm_id, HISTORY.c.firm_id.type),
        "appointment_id": given.c.appointment_id,
        "sequence": sa.func.coalesce(last, 0) + 1,
        "action": sa.bindparam(None, action, HISTORY.c.action.type),
        "from_status": sa.bindparam(None, source, HISTORY.c.from_status.type),
        "to_status": sa.bindparam(None, to, HISTORY.c.to_status.type),
        "reason": given.c.reason,
        "no_show_party": given.c.party,
        "cancelled_by": sa.bindparam(None, cancelled_by, HISTORY.c.cancelled_by.type),
        "changed_by_id": sa.bindparam(None, actor.staff_user_id, HISTORY.c.changed_by_id.type),
        "actor_kind": sa.bindparam(None, actor.kind, HISTORY.c.actor_kind.type),
        "actor_label": sa.bindparam(None, actor.label, HISTORY.c.actor_label.type),
        "changed_at": sa.bindparam(None, now, HISTORY.c.changed_at.type),
        "occurred_at": given.c.occurred_at,
    }
    chosen = sa.select(*values.values()).select_from(given)
    return (
        sa.insert(HISTORY)
        .from_select(list(values), chosen)
        .returning(HISTORY.c.appointment_id, HISTORY.c.sequence)
    )


def events(
    session: Session, rows: Sequence[tuple[int, int, dict[str, Any]]], to: Status, actor: Actor, now: datetime
) -> sa.Insert:
    """One outbox event for each row: appointment, sequence, payload."""
    columns: rowsets.Columns = {
        "appointment_id": rowsets.INTEGER,
        "sequence": rowsets.INTEGER,
        "payload": rowsets.DOCUMENT,
    }
    given = rowsets.table(session, "events", columns, rowsets.encode(session, columns, rows))
    values: dict[str, Any] = {
        "firm_id": sa.bindparam(None, actor.firm_id, OUTBOX.c.firm_id.type),
        "appointment_id": given.c.appointment_id,
        "sequence": given.c.sequence,
        "event_type": sa.bindparam(None, f"appointment.{to.value}", OUTBOX.c.event_type.type),
        "payload": given.c.payload,
        "created_at": sa.bindparam(None, now, OUTBOX.c.created_at.type),
        "attempts": sa.literal_column("0"),
    }
    return sa.insert(OUTBOX).from_select(list(values), sa.select(*values.values()).select_from(given))


def payload(
    appointment: Any,
    action: Action,
    source: Status | None,
    to: Status,
    occurred_at: datetime,
    *,
    party: NoShowParty | None,
    cancelled_by: CancelledBy | None,
) -> dict[str, Any]:
    """What an event says. ``appointment`` has its id, its version and its place in the chain."""
    return {
        "appointment_id": appointment.appointment_id,
        "action": action.value,
        "from_status": source.value if source else None,
        "to_status": to.value,
        "version": appointment.version,
        "occurred_at": occurred_at.isoformat(),
        "rescheduled_from": appointment.rescheduled_from_id,
        "chain_id": appointment.chain_root_id or appointment.appointment_id,
        "no_show_party": party.value if party else None,
        "cancelled_by": cancelled_by.value if cancelled_by else None,
    }
