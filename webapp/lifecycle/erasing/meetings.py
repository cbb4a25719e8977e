"""Appointments and their history, without what people wrote."""

from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp import proof
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    Attendance,
    AuditEvent,
    OutboxEvent,
    PersonalLink,
    SweepProblem,
)
from webapp.vocabulary import ActorKind

HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
CLIENT = "an erased client"


def of_contact(session: Session, firm_id: int, contact_id: int) -> Sequence[int]:
    """Every appointment of the chains in which the contact is, or was before somebody changed the client."""
    mine = Appointment.firm_id == firm_id
    root = sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id)
    linked = sa.select(PersonalLink.appointment_id).where(
        PersonalLink.firm_id == firm_id, PersonalLink.contact_id == contact_id
    )
    own = (
        Appointment.contact_id == contact_id,
        Appointment.appointment_id.in_(linked),
        Appointment.appointment_id.in_(_formerly(session, firm_id, contact_id)),
    )
    # Each by its index; joined by OR they would be asked of every appointment of the firm.
    roots = session.scalars(sa.union(*(sa.select(root).where(mine, each) for each in own))).all()
    member = sa.or_(Appointment.appointment_id.in_(roots), Appointment.chain_root_id.in_(roots))
    return session.scalars(sa.select(Appointment.appointment_id).where(mine, member)).all()


def _formerly(session: Session, firm_id: int, contact_id: int) -> set[int]:
    """Appointments of which the log says that their client was, or became, somebody of this name."""
    name = session.scalar(
        sa.text("SELECT name FROM contact WHERE firm_id = :firm AND contact_id = :contact"),
        {"firm": firm_id, "contact": contact_id},
    )
    changed = session.execute(
        sa.select(AuditEvent.subject_id, AuditEvent.changes).where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == "appointment",
            sa.cast(AuditEvent.changes, sa.Text).like('%"contact"%'),
        )
    )
    return {row.subject_id for row in changed if name in row.changes.get("contact", ())}


def lock(session: Session, firm_id: int, appointment_ids: Sequence[int]) -> None:
    """Hold the appointments, in the order of their keys."""
    session.execute(
        sa.select(Appointment.appointment_id)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id.in_(appointment_ids))
        .order_by(Appointment.appointment_id)
        .with_for_update()
    ).all()


def erase_history(session: Session, firm_id: int, appointment_ids: Sequence[int]) -> None:
    """Put the commitment in the place of each entry's reason and client."""
    row = HISTORY.c
    wordy = sa.or_(row.reason.is_not(None), row.actor_kind == ActorKind.CLIENT)
    found = session.execute(
        sa.select(row.history_id, row.reason, row.words_salt, row.actor_kind, row.actor_label).where(
            row.firm_id == firm_id,
            row.appointment_id.in_(appointment_ids),
            row.erased_words.is_(None),
            wordy,
        )
    ).all()
    if not found:
        return
    change = (
        sa.update(HISTORY)
        .where(row.history_id == sa.bindparam("number"))
        .values(
            erased_words=sa.bindparam("words"),
            reason=None,
            words_salt=None,
            actor_label=sa.bindparam("label"),
        )
    )
    session.connection().execute(change, [_without_words(entry) for entry in found])


def _without_words(entry: Any) -> dict[str, Any]:
    client = entry.actor_kind is ActorKind.CLIENT
    words = proof.words_digest(entry.words_salt, entry.reason, entry.actor_label if client else None)
    return {"number": entry.history_id, "words": words, "label": CLIENT if client else entry.actor_label}


def erase(session: Session, firm_id: int, appointment_ids: Sequence[int]) -> None:
    """Empty the appointments' texts; their version rises, so that a page from before is told."""
    here = (Appointment.firm_id == firm_id, Appointment.appointment_id.in_(appointment_ids))
    by_client = sa.exists().where(
        AppointmentStatusHistory.firm_id == Appointment.firm_id,
        AppointmentStatusHistory.appointment_id == Appointment.appointment_id,
        AppointmentStatusHistory.sequence == 1,
        AppointmentStatusHistory.actor_kind == ActorKind.CLIENT,
    )
    _update(
        session,
        sa.update(Appointment)
        .where(*here)
        .values(
            status_reason=None,
            notes="",
            location="",
            external_ref=None,
            booked_by=sa.case((by_client, CLIENT), else_=Appointment.booked_by),
            version=Appointment.version + 1,
        ),
    )
    _update(
        session,
        sa.update(Attendance)
        .where(Attendance.firm_id == firm_id, Attendance.appointment_id.in_(appointment_ids))
        .values(external_id=None),
    )
    _update(
        session,
        sa.update(OutboxEvent)
        .where(OutboxEvent.firm_id == firm_id, OutboxEvent.appointment_id.in_(appointment_ids))
        .values(last_error=None),
    )
    problems = (SweepProblem.firm_id == firm_id, SweepProblem.appointment_id.in_(appointment_ids))
    session.execute(sa.delete(SweepProblem).where(*problems))


def _update(session: Session, statement: sa.Update) -> None:
    session.execute(statement.execution_options(synchronize_session=False))
