"""The status history of an appointment as it was written, and the chain that the appointment is part of."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import Appointment, AppointmentStatusHistory, StaffUser
from webapp.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Step:
    """One history row; ``changed_by`` is the name of the staff user who made it, None for anybody else."""

    row: AppointmentStatusHistory
    changed_by: str | None


@dataclass(frozen=True, slots=True)
class Member:
    """One booking of a chain; ``position`` counts from 1."""

    appointment_id: int
    position: int
    start_time: datetime
    end_time: datetime
    status: Status


def of(session: Session, *, firm_id: int, appointment_id: int) -> list[Step]:
    """Every transition, the first one first. One statement: each appointment has at least one row.

    Raises:
        Missing: the firm has no such appointment.
    """
    history = AppointmentStatusHistory
    found = session.execute(
        sa.select(history, StaffUser.name)
        .outerjoin(StaffUser, StaffUser.staff_user_id == history.changed_by_id)
        .where(history.firm_id == firm_id, history.appointment_id == appointment_id)
        .order_by(history.sequence)
        .execution_options(populate_existing=True)
    )
    steps = [Step(*row) for row in found]
    if not steps:
        raise Missing("There is no such appointment.")
    return steps


def chain(session: Session, *, firm_id: int, appointment_id: int) -> list[Member]:
    """All bookings of the chain in order, whichever of them is asked for. Two statements.

    Raises:
        Missing: the firm has no such appointment.
    """
    root = session.scalar(
        sa.select(sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id)).where(
            Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id
        )
    )
    if root is None:
        raise Missing("There is no such appointment.")
    # Two key look-ups: an OR of both would have SQLite walk through all of the firm's appointments.
    parts = [
        sa.select(
            Appointment.appointment_id,
            Appointment.chain_position.label("position"),
            Appointment.start_time,
            Appointment.end_time,
            Appointment.status,
        ).where(Appointment.firm_id == firm_id, whose == root)
        for whose in (Appointment.appointment_id, Appointment.chain_root_id)
    ]
    found = session.execute(sa.union_all(*parts))
    return sorted((Member(*row) for row in found), key=lambda member: member.position)
