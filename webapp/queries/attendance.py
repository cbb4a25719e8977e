"""Facts of attendance for lists, timelines and callbacks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, Attendance, Firm, tenancy
from webapp.vocabulary import AttendanceSide, AttendanceSource


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; a withdrawn one is kept and marked. ``external_id`` is the source's own reference."""

    appointment_id: int
    side: AttendanceSide
    source: AttendanceSource
    joined_at: datetime
    recorded_at: datetime
    actor_label: str
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    external_id: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """When each side is first known to have joined, withdrawn facts aside."""

    client_joined_at: datetime | None
    staff_joined_at: datetime | None
    rows: list[Fact]


def facts(session: Session, *, firm_id: int, appointment_ids: Collection[int]) -> dict[int, Facts]:
    """What is known of these appointments; those of which nothing is known are left out. One statement."""
    found = session.execute(
        sa.select(
            Attendance.appointment_id,
            Attendance.side,
            Attendance.source,
            Attendance.joined_at,
            Attendance.recorded_at,
            Attendance.actor_label,
            Attendance.withdrawn_at,
            Attendance.withdrawn_by,
            Attendance.external_id,
        )
        .where(Attendance.firm_id == firm_id, Attendance.appointment_id.in_(appointment_ids))
        .order_by(Attendance.recorded_at, Attendance.attendance_id)
    )
    rows: dict[int, list[Fact]] = {}
    for row in found:
        rows.setdefault(row.appointment_id, []).append(Fact(*row))
    return {
        number: Facts(_first(of, AttendanceSide.CLIENT), _first(of, AttendanceSide.STAFF), of)
        for number, of in rows.items()
    }


def _first(rows: list[Fact], side: AttendanceSide) -> datetime | None:
    times = [fact.joined_at for fact in rows if fact.side is side and fact.withdrawn_at is None]
    return min(times, default=None)


@dataclass(frozen=True, slots=True)
class Called:
    """The firm that a callback is for: how often its secret was renewed, and when last."""

    firm_id: int
    turn: int
    renewed_at: datetime | None


NOBODY = Called(0, 0, None)
"""Whom a callback to an unknown address is for: a firm that does not exist, with a secret nobody has."""


def called(session: Session, *, slug: str) -> Called:
    """The firm whose callbacks arrive at this address, for which the session works from then on, or nobody.
    One statement.
    """
    columns = (Firm.firm_id, Firm.callback_round, Firm.callback_renewed_at)
    with tenancy.every_firm(session):
        found = session.execute(sa.select(*columns).where(Firm.slug == slug)).one_or_none()
        if found is None:
            return NOBODY
        tenancy.enter(session, found.firm_id)
    return Called(*found)


def find_appointment(
    session: Session, *, firm_id: int, appointment_id: int | None, external_ref: str | None
) -> Appointment | None:
    """The appointment that a callback means, by our reference or by the one it was imported with."""
    if (appointment_id is None) == (external_ref is None):
        return None
    wanted = (
        Appointment.appointment_id == appointment_id
        if appointment_id is not None
        else Appointment.external_ref == external_ref
    )
    return session.scalars(sa.select(Appointment).where(Appointment.firm_id == firm_id, wanted)).one_or_none()
