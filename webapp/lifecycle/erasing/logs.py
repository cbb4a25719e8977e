"""The audit log and the answers kept for repeated submissions, without a person's words."""

import json
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.erasing.meetings import CLIENT
from webapp.lifecycle.erasing.people import ERASED, own_account
from webapp.models import AuditEvent, Contact, Submission

PLAIN = frozenset({"mark", "headers"})
"""Of an answer of the API: by what its request is known again, and where it points."""


def erase(
    session: Session,
    contact: Contact,
    appointment_ids: Sequence[int],
    poll_ids: Sequence[int],
    names: Collection[str],
) -> None:
    """Empty what the log has of the contact, its appointments and polls. An erasure's own rows stay."""
    account = own_account(session, contact)
    event = AuditEvent
    subjects = {
        "contact": [contact.contact_id],
        "appointment": appointment_ids,
        "poll": poll_ids,
        "account": [account.account_id] if account else [],
    }
    about = (sa.and_(event.subject == one, event.subject_id.in_(ids)) for one, ids in subjects.items())
    rows = session.execute(
        sa.select(
            event.audit_event_id,
            event.subject,
            event.action,
            event.changes,
            event.changed_by_id,
            event.actor_label,
        ).where(event.firm_id == contact.firm_id, event.action != "erased", sa.or_(*about))
    ).all()
    for row in rows:
        by_client = row.changed_by_id is None and row.actor_label in names
        wordy = row.changes and (row.subject, row.action) != ("poll", "edited")  # that has times and counts
        if by_client or wordy:
            session.execute(
                sa.update(event)
                .where(event.firm_id == contact.firm_id, event.audit_event_id == row.audit_event_id)
                .values(changes={}, actor_label=CLIENT if by_client else row.actor_label)
                .execution_options(synchronize_session=False)
            )


def forget_answers(session: Session, firm_id: int, texts: Collection[str]) -> None:
    """Take the words out of kept answers in which one of these texts stands; the tokens stay spent."""
    stored = session.execute(
        sa.select(Submission.token, Submission.answer).where(Submission.firm_id == firm_id)
    ).all()
    for token, answer in stored:
        told = json.dumps(answer, ensure_ascii=False)
        if any(_quoted(text) in told for text in texts):
            session.execute(
                sa.update(Submission)
                .where(Submission.firm_id == firm_id, Submission.token == token)
                .values(answer=_without_words(answer))
                .execution_options(synchronize_session=False)
            )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _without_words(value: Any) -> Any:
    if isinstance(value, str):
        return ERASED
    if isinstance(value, dict):
        return {key: one if key in PLAIN else _without_words(one) for key, one in value.items()}
    return [_without_words(one) for one in value] if isinstance(value, list) else value
