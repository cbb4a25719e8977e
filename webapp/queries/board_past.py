"""The board as it stood at an instant: status, reason, party and arrivals as they had been recorded by then.

An appointment that had not been recorded yet is not there. Names, places and people are as they are now.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment
from webapp.queries import clients, replay
from webapp.queries.board import PAGE, Counts, Filters, with_staff
from webapp.queries.rows import COLUMNS, After, Row, as_rows, first_joined, select_columns, successor
from webapp.vocabulary import LIVE, AttendanceSide, Status


def rows(
    session: Session,
    *,
    firm_id: int,
    span: tuple[datetime, datetime],
    filters: Filters,
    at: datetime,
    limit: int | None = PAGE,
) -> list[Row]:
    """The appointments that start within ``[a, b)``, by start, then reference. One statement.

    Who had declined a proposal by then is not kept, so nobody has.
    """
    state = replay.replayed(at)
    then = _then(state, at)
    columns = (then.get(column.key, column) for column in COLUMNS)
    source = sa.join(Appointment, state.joined, state.on)
    statement = select_columns(columns, source).where(*_in_span(firm_id, span))
    if filters.statuses:
        statement = statement.where(state.status.in_(filters.statuses))
    if filters.staff:
        statement = statement.where(Appointment.staff_user_id.in_(filters.staff))
    if filters.hide_finished:
        statement = statement.where(state.status.in_(LIVE))
    if filters.q:
        statement = statement.where(clients.contact_filter(firm_id, filters.q))
    ordered = statement.order_by(Appointment.start_time, Appointment.appointment_id).limit(limit)
    return as_rows(session.execute(ordered))


def counts(session: Session, *, firm_id: int, span: tuple[datetime, datetime], at: datetime) -> Counts:
    """Counts per status and per staff user as they stood. Two statements; nothing moves, so no mark."""
    state = replay.replayed(at)
    groups = (
        sa.select(Appointment.staff_user_id, state.status, sa.func.count())
        .select_from(Appointment)
        .join(state.joined, state.on)
        .where(*_in_span(firm_id, span))
        .group_by(Appointment.staff_user_id, state.status)
    )
    return with_staff(session, firm_id, session.execute(groups), "")


def _in_span(firm_id: int, span: tuple[datetime, datetime]) -> list[sa.ColumnElement[bool]]:
    return [
        Appointment.firm_id == firm_id,
        Appointment.start_time >= span[0],
        Appointment.start_time < span[1],
    ]


def _then(state: replay.State, at: datetime) -> dict[str, Any]:
    """The columns of a row that may have changed since. What a status does not have is null."""
    moved = state.status == Status.RESCHEDULED
    cancelled = state.status == Status.CANCELLED
    kind = sa.type_coerce(sa.case((cancelled, state.kind)), Appointment.cancellation_kind.type)
    changed = {
        "status": state.status,
        "status_reason": state.reason,
        "cancellation_kind": kind,
        "cancelled_by": state.by,
        "no_show_party": state.party,
        "moved_to": successor(After.start_time, moved),
        "successor_id": successor(After.appointment_id, moved),
        "client_joined_at": first_joined(AttendanceSide.CLIENT, known_at=at),
        "staff_joined_at": first_joined(AttendanceSide.STAFF, known_at=at),
        "poll_declined": sa.false(),
    }
    return {name: column.label(name) for name, column in changed.items()}
