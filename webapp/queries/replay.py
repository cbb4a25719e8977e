"""What had become of an appointment as of an instant, read from its status history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp.models import Appointment, AppointmentStatusHistory
from webapp.vocabulary import Action, CancellationKind, Status

KINDS = {
    Action.DECLINE: CancellationKind.DECLINED,
    Action.EXPIRE: CancellationKind.EXPIRED,
    Action.TIME_OUT: CancellationKind.TIMED_OUT,
}
"""Which action led to which kind of cancellation; every other is a cancellation proper."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a status and what belongs to it come from; ``joined`` stands beside the appointment ``on`` this.

    ``kind`` and ``withdrawn`` mean something where the status is cancelled, ``stamp`` where it is cancelled
    or rescheduled. ``withdrawn``: a proposal was called off before anybody had confirmed it.
    """

    status: Any
    reason: Any
    party: Any
    kind: Any
    by: Any
    stamp: Any
    withdrawn: Any
    joined: Any = None
    on: Any = None


def present() -> State:
    """As the appointment has it now."""
    return State(
        Appointment.status,
        Appointment.status_reason,
        Appointment.no_show_party,
        Appointment.cancellation_kind,
        Appointment.cancelled_by,
        sa.func.coalesce(Appointment.cancelled_at, Appointment.rescheduled_at),
        _withdrawn(),
    )


def _withdrawn() -> Any:
    """Whether what followed the proposal was the cancellation.

    The history is asked only about what was proposed and called off, by its unique key: a value of one row,
    since PostgreSQL may answer an EXISTS from a table of the whole history.
    """
    second = aliased(AppointmentStatusHistory, name="second")
    action = (
        sa.select(second.action)
        .where(
            second.firm_id == Appointment.firm_id,
            second.appointment_id == Appointment.appointment_id,
            second.sequence == 2,
        )
        .correlate(Appointment)
        .scalar_subquery()
    )
    asked = sa.and_(
        Appointment.cancellation_kind == CancellationKind.CANCELLED, Appointment.confirm_by.is_not(None)
    )
    return sa.case((asked, action == Action.CANCEL), else_=sa.false())


def recorded_by(history: Any, at: datetime) -> sa.ColumnElement[bool]:
    """Whether a history row had been written by then, for rows that are found by their appointment.

    Put so that no index on the time can serve: it would give most of a long history, for each appointment.
    """
    return sa.func.coalesce(history.changed_at, at) <= at


def replayed(at: datetime) -> State:
    """As its last history row had it that was recorded by then; who had none was not known yet.

    Both the row and its number come from the unique key (firm, appointment, sequence).
    """
    last, earlier = aliased(AppointmentStatusHistory, name="state"), aliased(AppointmentStatusHistory)
    number = (
        sa.select(sa.func.max(earlier.sequence))
        .where(
            earlier.firm_id == Appointment.firm_id,
            earlier.appointment_id == Appointment.appointment_id,
            recorded_by(earlier, at),
        )
        .correlate(Appointment)
        .scalar_subquery()
    )
    kind = sa.case(
        *((last.action == action, sa.literal(kind.value, sa.String())) for action, kind in KINDS.items()),
        else_=sa.literal(CancellationKind.CANCELLED.value, sa.String()),
    )
    return State(
        last.to_status,
        last.reason,
        last.no_show_party,
        kind,
        last.cancelled_by,
        last.occurred_at,
        sa.and_(last.action == Action.CANCEL, last.from_status == Status.AWAITING_CONFIRMATION),
        joined=last,
        on=sa.and_(
            last.firm_id == Appointment.firm_id,
            last.appointment_id == Appointment.appointment_id,
            last.sequence == number,
        ),
    )
