"""Editing what is not lifecycle: notes, place, contact. Logged, versioned, never a status."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit, conflicts
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.booking import LOCATION_LENGTH, NOTES_LENGTH
from webapp.lifecycle.errors import Forbidden, Invalid
from webapp.lifecycle.text import one_line, prose
from webapp.models import Appointment, Contact
from webapp.vocabulary import Permission


def edit(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    location: str,
    notes: str,
    contact_id: int | None,
    now: datetime,
    expected_version: int,
) -> bool:
    """Change the details; raises the version and writes an audit row. Returns whether anything changed.

    Raises:
        Forbidden: the role may not.
        Invalid: a text is too long, or the contact is unknown.
        Stale: somebody changed the appointment meanwhile.
    """
    if actor.firm_id != appointment.firm_id:
        raise AssertionError("an actor of one firm reached an appointment of another")
    if not actor.can(Permission.ACT):
        raise Forbidden("Your role is read-only. Ask a member of staff to change the details.")
    if expected_version != appointment.version:
        raise conflicts.stale(session, appointment)
    values: dict[str, str | int | None] = {
        "location": one_line(location, LOCATION_LENGTH, "location"),
        "notes": prose(notes, NOTES_LENGTH, "notes"),
        "contact_id": contact_id,
    }
    changed = audit.changes(appointment, values)
    if not changed:
        return False
    if "contact_id" in changed:
        changed["contact"] = _contact_names(session, actor.firm_id, *changed.pop("contact_id"))
        values["account_id"] = _account_of(session, actor.firm_id, contact_id, appointment.account_id)
    written = session.execute(
        sa.update(Appointment)
        .where(
            Appointment.firm_id == actor.firm_id,
            Appointment.appointment_id == appointment.appointment_id,
            Appointment.version == expected_version,
        )
        .values(**values, version=expected_version + 1)
        .returning(Appointment.appointment_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if written is None:
        raise conflicts.stale(session, appointment)
    audit.note(
        session,
        actor=actor,
        subject="appointment",
        subject_id=appointment.appointment_id,
        action="edited",
        changed=changed,
        now=now,
    )
    session.refresh(appointment)
    return True


def _contact_names(session: Session, firm_id: int, before: int | None, after: int | None) -> list[str]:
    found = session.execute(
        sa.select(Contact.contact_id, Contact.name, Contact.erased_at)
        .where(Contact.firm_id == firm_id, Contact.contact_id.in_([before or 0, after or 0]))
        .with_for_update(read=True, key_share=True)
    ).all()
    names = {row.contact_id: row.name for row in found}
    if after is not None and (after not in names or any(r.erased_at for r in found if r.contact_id == after)):
        raise Invalid("Choose a contact from the list.", field="contact_id")
    return [names.get(before or 0, "none"), names.get(after or 0, "none")]


def _account_of(session: Session, firm_id: int, contact_id: int | None, present: int | None) -> int | None:
    if contact_id is None:
        if present is None:
            raise Invalid("Say who the meeting is with.", field="contact_id")
        return present
    return session.scalar(
        sa.select(Contact.account_id).where(Contact.firm_id == firm_id, Contact.contact_id == contact_id)
    )
