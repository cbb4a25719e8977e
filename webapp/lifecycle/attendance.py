"""Facts of attendance: who joined, when, and how that is known. Never a status; outcomes follow from them."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Forbidden, Invalid, NotAllowed
from webapp.lifecycle.text import one_line
from webapp.models import Appointment, Attendance
from webapp.vocabulary import ActorKind, AttendanceSide, AttendanceSource, Permission, Status

EARLY = timedelta(hours=1)
"""Nobody arrives more than an hour before the start; the desk's button opens then."""
SKEW = timedelta(minutes=5)
"""How far another system's clock may be ahead."""
LATE = timedelta(hours=24)
REF_LENGTH = 120


def opens_at(start_time: datetime) -> datetime:
    """From when the front desk can say that somebody arrived."""
    return start_time - EARLY


def record(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    side: AttendanceSide,
    source: AttendanceSource,
    joined_at: datetime,
    now: datetime,
    external_id: str | None = None,
) -> bool:
    """Write one fact down. Returns whether it is new; the same fact twice is one.

    The same is: the same ``external_id`` in the firm, or the front desk saying again that a side is there.

    Raises:
        Forbidden: the staff user's role is read-only.
        NotAllowed: at the front desk, before the doors open or for an appointment that is not confirmed.
        Invalid: a time that no meeting of this hour can have seen; ``field`` is ``joined_at``.
    """
    _require(actor)
    _lock(session, appointment)
    _check_time(session, appointment, joined_at, now)
    if source is AttendanceSource.FRONT_DESK:
        _check_desk(session, appointment, now)
        if _open_fact(session, appointment, side) is not None:
            return False
    external_id = one_line(external_id, REF_LENGTH, "external_id") or None
    if external_id is not None and _known(session, appointment.firm_id, external_id):
        return False
    session.add(
        Attendance(
            firm_id=appointment.firm_id,
            appointment_id=appointment.appointment_id,
            side=side,
            source=source,
            joined_at=joined_at,
            recorded_at=now,
            recorded_by_id=actor.staff_user_id,
            actor_label=actor.label,
            external_id=external_id,
        )
    )
    session.flush()
    return True


def withdraw(
    session: Session, appointment: Appointment, *, actor: Actor, side: AttendanceSide, now: datetime
) -> bool:
    """Take the front desk's word back. Returns whether there was one; the row stays and says who and when.

    Facts of other sources are evidence and stay.
    """
    _require(actor)
    _lock(session, appointment)
    fact = _open_fact(session, appointment, side)
    if fact is None:
        return False
    fact.withdrawn_at = now
    fact.withdrawn_by = actor.label
    session.flush()
    return True


def _require(actor: Actor) -> None:
    if actor.kind is ActorKind.STAFF and not actor.can(Permission.ACT):
        raise Forbidden("Your role is read-only. Ask a member of staff to say who arrived.")


def _lock(session: Session, appointment: Appointment) -> None:
    """Facts of one appointment are written one after another: two desks saying the same say it once."""
    session.refresh(appointment, with_for_update={"of": Appointment, "key_share": True})


def _check_time(session: Session, appointment: Appointment, joined_at: datetime, now: datetime) -> None:
    low, high = appointment.start_time - LATE, min(appointment.end_time + LATE, now + SKEW)
    if not low <= joined_at <= high:
        local = local_of(session, appointment.firm_id)
        raise Invalid(
            f"Give a time from {local.full_day_time(low)} to {local.full_day_time(high)}.", field="joined_at"
        )


def _check_desk(session: Session, appointment: Appointment, now: datetime) -> None:
    if appointment.status is not Status.CONFIRMED:
        raise NotAllowed(f"It is {appointment.status.label.lower()}. Only who is expected can arrive.")
    if now < opens_at(appointment.start_time):
        local = local_of(session, appointment.firm_id)
        when = local.relative(opens_at(appointment.start_time), now)
        raise NotAllowed(f"Arrived opens {when}, an hour before the start.")


def _open_fact(session: Session, appointment: Appointment, side: AttendanceSide) -> Attendance | None:
    return session.scalars(
        sa.select(Attendance).where(
            Attendance.firm_id == appointment.firm_id,
            Attendance.appointment_id == appointment.appointment_id,
            Attendance.side == side,
            Attendance.source == AttendanceSource.FRONT_DESK,
            Attendance.withdrawn_at.is_(None),
        )
    ).one_or_none()


def _known(session: Session, firm_id: int, external_id: str) -> bool:
    found = sa.select(Attendance.attendance_id).where(
        Attendance.firm_id == firm_id, Attendance.external_id == external_id
    )
    return session.scalar(found) is not None
