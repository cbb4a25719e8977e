"""The statements by which ``recording.bulk_record`` moves a set of appointments, and what an event says.

Nothing else executes them: the status, the history and the outbox are written together or not at all. Each
is built once; what differs from batch to batch are its parameters.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from webapp.lifecycle import digests, rowsets
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.transitions import TABLE
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
ENTRIES: rowsets.Columns = {
    **MOVES,
    "sequence": rowsets.INTEGER,
    "entry_hash": rowsets.TEXT,
    "words_salt": rowsets.TEXT,
}
"""The same rows once they have moved, with what their history rows carry."""
NAMES = ("appointment_id", "version", "occurred_at", "reason", "no_show_party")
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


def encode(dialect: str, moves: Sequence[Move]) -> str:
    """The moves as the three statements take them."""
    return rowsets.encode(dialect, MOVES, moves)


def hashed(
    session: Session,
    moves: Sequence[Move],
    lasts: Mapping[int, digests.Last],
    given: Mapping[str, Any],
    by: CancelledBy | None,
) -> str:
    """The moves that were made, encoded with the number and the digest of the history row of each."""
    shared = {
        "firm_id": given["by_firm"],
        "action": given["action"],
        "from_status": given["source"],
        "to_status": given["to"],
        "cancelled_by": by,
        "changed_by_id": given["by_staff"],
        "actor_kind": given["by_kind"],
        "actor_label": given["by_label"],
        "changed_at": given["now"],
    }
    rows = digests.set_of(session, moves, NAMES, lasts, shared)
    return rowsets.encode(session.get_bind().dialect.name, ENTRIES, rows)


def facts(
    encoded: str, action: Action, source: Status, to: Status, actor: Actor, now: datetime
) -> dict[str, Any]:
    """What the three statements are given besides their words: one set of parameters for all."""
    return {
        "moves_rows": encoded,
        "by_firm": actor.firm_id,
        "action": action,
        "source": source,
        "to": to,
        "by_staff": actor.staff_user_id,
        "by_kind": actor.kind,
        "by_label": actor.label,
        "now": now,
    }


@cache
def change(
    dialect: str, action: Action, to: Status, by: CancelledBy | None
) -> ReturningUpdate[int, int, str | None]:
    """The guarded change of encoded moves; gives the ids of those that were as they had been seen.

    Each comes with the number and the digest of its last history row.
    """
    given = rowsets.table(dialect, "moves", MOVES)
    here = APPOINTMENTS.c
    values: dict[str, Any] = dict.fromkeys(STAMPS.values())
    values |= {
        "status": _param("to", here.status),
        "status_reason": given.c.reason,
        "version": given.c.version + 1,
        "rescheduled_at": None,
        "cancellation_kind": TABLE[action].kind if to is Status.CANCELLED else None,
        "cancelled_by": by if to is Status.CANCELLED else None,
        "no_show_party": given.c.party if to is Status.NO_SHOW else None,
        STAMPS[to]: given.c.occurred_at,
    }
    return (
        sa.update(APPOINTMENTS)
        .where(
            here.appointment_id == given.c.appointment_id,
            _of_firm(dialect, APPOINTMENTS),
            here.status == _param("source", here.status),
            here.version == given.c.version,
        )
        .values(values)
        .returning(here.appointment_id, *digests.last_of())
    )


@cache
def history(dialect: str, by: CancelledBy | None) -> sa.Insert:
    """One history row for each."""
    given, rows = rowsets.table(dialect, "moves", ENTRIES), HISTORY.c
    return _insert(
        HISTORY,
        given,
        {
            "firm_id": _param("by_firm", rows.firm_id),
            "appointment_id": given.c.appointment_id,
            "sequence": given.c.sequence,
            "action": _param("action", rows.action),
            "from_status": _param("source", rows.from_status),
            "to_status": _param("to", rows.to_status),
            "reason": given.c.reason,
            "no_show_party": given.c.party,
            "cancelled_by": sa.literal(by, rows.cancelled_by.type),
            "changed_by_id": _param("by_staff", rows.changed_by_id),
            "actor_kind": _param("by_kind", rows.actor_kind),
            "actor_label": _param("by_label", rows.actor_label),
            "changed_at": _param("now", rows.changed_at),
            "occurred_at": given.c.occurred_at,
            "entry_hash": given.c.entry_hash,
            "words_salt": given.c.words_salt,
            "legacy": sa.false(),
        },
    )


@cache
def events(dialect: str, action: Action, source: Status, to: Status, by: CancelledBy | None) -> sa.Insert:
    """One outbox event for each, after its history row. What it says is put together where the rows are."""
    given = rowsets.table(dialect, "moves", ENTRIES)
    moved = APPOINTMENTS.alias("moved")
    said = {
        "appointment_id": given.c.appointment_id,
        "action": sa.literal(action.value, sa.Text()),
        "from_status": sa.literal(source.value, sa.Text()),
        "to_status": sa.literal(to.value, sa.Text()),
        "version": given.c.version + 1,
        "occurred_at": rowsets.isoformat(dialect, given.c.occurred_at),
        "rescheduled_from": moved.c.rescheduled_from_id,
        "chain_id": sa.func.coalesce(moved.c.chain_root_id, given.c.appointment_id),
        "no_show_party": given.c.party,
        "cancelled_by": sa.literal(by.value if by else None, sa.Text()),
    }
    found = given.join(moved, (moved.c.appointment_id == given.c.appointment_id) & _of_firm(dialect, moved))
    return _insert(
        OUTBOX,
        found,
        {
            "firm_id": moved.c.firm_id,
            "appointment_id": given.c.appointment_id,
            "sequence": given.c.sequence,
            "event_type": sa.literal(f"appointment.{to.value}", sa.Text()),
            "payload": rowsets.document(dialect, said),
            "created_at": _param("now", OUTBOX.c.created_at),
            "attempts": sa.literal_column("0"),
        },
    )


def _of_firm(dialect: str, appointments: Any) -> sa.ColumnElement[bool]:
    """Wrapped, its indexes are out of the question: SQLite would start from all that the firm has."""
    firm = appointments.c.firm_id
    mine = sa.func.coalesce(firm, 0) if dialect == "sqlite" else firm
    return cast(sa.ColumnElement[bool], mine == _param("by_firm", firm))


def _param(name: str, column: Any) -> sa.BindParameter[Any]:
    return sa.bindparam(name, type_=column.type)


def _insert(table: sa.Table, source: Any, values: dict[str, Any]) -> sa.Insert:
    return sa.insert(table).from_select(list(values), sa.select(*values.values()).select_from(source))


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
