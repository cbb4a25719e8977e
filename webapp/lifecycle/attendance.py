"""Facts of attendance: who joined, when, and how that is known. Never a status; outcomes follow from them."""

import unicodedata
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Conflict, Forbidden, Invalid, NotAllowed
from webapp.lifecycle.text import one_line
from webapp.models import Appointment, Attendance
from webapp.vocabulary import ActorKind, AttendanceSide, AttendanceSource, Permission, Status

EARLY = timedelta(hours=1)
"""Nobody arrives more than an hour before the start; the desk's button opens then."""
SKEW = timedelta(minutes=5)
"""How far another system's clock may be ahead."""
LATE = timedelta(hours=24)
REF_LENGTH = 120


class OtherFacts(Conflict):
    """The source's own reference is known, with other facts than it comes with now."""


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

    The same is: the same ``external_id`` in the firm; without one, the same side and time from the same
    program (in one chain); or the front desk saying again that a side is there.
    What another system says of a booking that was moved counts for the one that it was moved to in the end.

    Raises:
        Forbidden: the staff user's role is read-only.
        NotAllowed: at the front desk, before the doors open or for an appointment that is not confirmed.
        OtherFacts: the ``external_id`` is known with another side or time, or of another booking.
        Invalid: a time that no meeting of this hour can have seen (``field`` is ``joined_at``), or an
            ``external_id`` without a character that can be seen.
    """
    _require(actor)
    external_id = _reference(external_id)
    _lock(session, appointment)
    if source is not AttendanceSource.FRONT_DESK:
        appointment = _stands(session, appointment)
    if _known(session, appointment, side, joined_at, external_id):
        return False
    unmarked = external_id is None and source is AttendanceSource.API
    if unmarked and _said(session, appointment, actor, side, joined_at):
        return False
    _check_time(session, appointment, joined_at, now)
    if source is AttendanceSource.FRONT_DESK:
        _check_desk(session, appointment, now)
    values = {
        "firm_id": appointment.firm_id,
        "appointment_id": appointment.appointment_id,
        "side": side,
        "source": source,
        "joined_at": joined_at,
        "recorded_at": now,
        "recorded_by_id": actor.staff_user_id,
        "actor_label": actor.label,
        "external_id": external_id,
    }
    if _insert(session, values):
        return True
    _known(session, appointment, side, joined_at, external_id)  # said at the same moment: was it the same?
    return False


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


def _reference(given: str | None) -> str | None:
    """The source's own reference, if it has one: blanks and marks without a width tell nothing apart."""
    if not given:
        return None
    found = one_line(given, REF_LENGTH, "external_id")
    if all(unicodedata.category(character)[0] in "CZ" for character in found):
        raise Invalid("Give a reference that can be seen, or none.", field="external_id")
    return found


def _lock(session: Session, appointment: Appointment) -> None:
    """Facts of one appointment are written one after another: two desks saying the same say it once."""
    session.refresh(appointment, with_for_update={"of": Appointment, "key_share": True})


def _stands(session: Session, appointment: Appointment) -> Appointment:
    """The appointment, or what it was moved to in the end, locked."""
    while appointment.status is Status.RESCHEDULED:
        later = session.scalars(
            sa.select(Appointment)
            .where(
                Appointment.firm_id == appointment.firm_id,
                Appointment.chain_root_id == _root(appointment),
                Appointment.chain_position > appointment.chain_position,
            )
            .order_by(Appointment.chain_position.desc())
            .limit(1)
        ).one_or_none()
        if later is None:
            break
        appointment = later
        _lock(session, appointment)
    return appointment


def _root(appointment: Appointment) -> int:
    return appointment.chain_root_id or appointment.appointment_id


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


def _known(
    session: Session,
    appointment: Appointment,
    side: AttendanceSide,
    joined_at: datetime,
    external_id: str | None,
) -> bool:
    """Whether the source's own reference is known with the same facts of the same chain; OtherFacts else."""
    if external_id is None:
        return False
    root = sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id)
    found = session.execute(
        sa.select(root, Attendance.side, Attendance.joined_at)
        .join(Appointment, Appointment.appointment_id == Attendance.appointment_id)
        .where(Attendance.firm_id == appointment.firm_id, Attendance.external_id == external_id)
    ).one_or_none()
    if found is not None and tuple(found) != (_root(appointment), side, joined_at):
        raise OtherFacts(f"{external_id!r} is known with other facts.")
    return found is not None


def _said(
    session: Session, appointment: Appointment, actor: Actor, side: AttendanceSide, joined_at: datetime
) -> bool:
    """Whether the same program has said the same of this chain before, without a reference."""
    root = _root(appointment)
    chain = sa.select(Appointment.appointment_id).where(
        Appointment.firm_id == appointment.firm_id,
        sa.or_(Appointment.appointment_id == root, Appointment.chain_root_id == root),
    )
    said = sa.select(Attendance.attendance_id).where(
        Attendance.firm_id == appointment.firm_id,
        Attendance.appointment_id.in_(chain),
        Attendance.side == side,
        Attendance.source == AttendanceSource.API,
        Attendance.joined_at == joined_at,
        Attendance.recorded_by_id == actor.staff_user_id,
        Attendance.actor_label == actor.label,
        Attendance.external_id.is_(None),
    )
    return session.scalar(said.limit(1)) is not None


def _insert(session: Session, values: dict[str, Any]) -> bool:
    """Whether the database took it: each reference comes once, and one open word of the desk for a side."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(Attendance).values(values).on_conflict_do_nothing()
    return session.scalar(statement.returning(Attendance.attendance_id)) is not None
