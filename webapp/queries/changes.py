"""From which change of a record a form is made: its number goes out with the form and comes back with it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit, team, types, webhooks
from webapp.models import AuditEvent


def of_contact(session: Session, *, firm_id: int, contact_id: int) -> int:
    return audit.last_change(session, firm_id=firm_id, subject="contact", subject_id=contact_id)


def erasure(session: Session, *, firm_id: int, contact_id: int) -> AuditEvent | None:
    """Who erased a contact, when and on what grounds."""
    return session.scalar(
        sa.select(AuditEvent).where(
            AuditEvent.firm_id == firm_id,
            AuditEvent.subject == "contact",
            AuditEvent.subject_id == contact_id,
            AuditEvent.action == "erased",
        )
    )


def of_account(session: Session, *, firm_id: int, account_id: int) -> int:
    return audit.last_change(session, firm_id=firm_id, subject="account", subject_id=account_id)


def of_type(session: Session, *, firm_id: int, appointment_type_id: int) -> int:
    return audit.last_change(session, firm_id=firm_id, subject=types.SUBJECT, subject_id=appointment_type_id)


def of_person(session: Session, *, firm_id: int, staff_user_id: int) -> int:
    return audit.last_change(
        session,
        firm_id=firm_id,
        subject=team.SUBJECT,
        subject_id=staff_user_id,
        actions=team.CHANGES,
    )


def of_endpoint(session: Session, *, firm_id: int, webhook_endpoint_id: int) -> int:
    return audit.last_change(
        session,
        firm_id=firm_id,
        subject=webhooks.SUBJECT,
        subject_id=webhook_endpoint_id,
        actions=webhooks.CHANGES,
    )
