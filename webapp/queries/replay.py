"""What had become of an appointment as of an instant, read from its status history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from webapp.models import Appointment, AppointmentStatusHistory
from webapp.vocabulary import Action, CancellationKind

KINDS = {
    Action.DECLINE: CancellationKind.DECLINED,
    Action.EXPIRE: CancellationKind.EXPIRED,
    Action.TIME_OUT: CancellationKind.TIMED_OUT,
}
"""Which action led to which kind of cancellation; every other is a cancellation proper."""


@dataclass(frozen=True, slots=True)
class State:
    """Where a status and what belongs to it come from; ``joined`` stands beside the appointment ``on`` this.

    ``kind`` means something where the status is cancelled, ``stamp`` where it is cancelled or rescheduled.
    """

    status: Any
    reason: Any
    party: Any
    kind: Any
    by: Any
    stamp: Any
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
    )


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
        joined=last,
        on=sa.and_(
            last.firm_id == Appointment.firm_id,
            last.appointment_id == Appointment.appointment_id,
            last.sequence == number,
        ),
    )
