"""What is kept of an erased person's references to another system, so that an import leaves its rows out.

A reference can be guessed, so it is hashed with the installation's key, which is not in the database. Under
another key the traces fit nothing.
"""

import hashlib
import hmac
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, Contact, ErasedReference

CONTEXT = b"daybook erased reference\x00"
Kind = Literal["contact", "appointment"]


def leave(session: Session, contact: Contact, appointment_ids: Sequence[int], *, secret: str) -> None:
    """Keep the traces of the contact's reference and of its appointments', which are about to go."""
    firm_id = contact.firm_id
    refs = session.scalars(
        sa.select(Appointment.external_ref).where(
            Appointment.firm_id == firm_id,
            Appointment.appointment_id.in_(appointment_ids),
            Appointment.external_ref.is_not(None),
        )
    )
    traces = {trace("appointment", ref or "", firm_id=firm_id, secret=secret) for ref in refs}
    if contact.external_ref:
        traces.add(trace("contact", contact.external_ref, firm_id=firm_id, secret=secret))
    session.add_all(
        ErasedReference(firm_id=firm_id, trace=each, contact_id=contact.contact_id) for each in sorted(traces)
    )


def erased(session: Session, firm_id: int, traces: Collection[str]) -> dict[str, datetime]:
    """When the person of each of these traces was erased; traces of nobody are not in it."""
    same = (Contact.firm_id == ErasedReference.firm_id, Contact.contact_id == ErasedReference.contact_id)
    found = session.execute(
        sa.select(ErasedReference.trace, Contact.erased_at)
        .join(Contact, sa.and_(*same))
        .where(ErasedReference.firm_id == firm_id, ErasedReference.trace.in_(traces))
    )
    return {row.trace: row.erased_at for row in found if row.erased_at is not None}


def trace(kind: Kind, ref: str, *, firm_id: int, secret: str) -> str:
    """HMAC-SHA-256 of a reference in a firm, in hex."""
    named = f"{kind}/{firm_id}/{ref}".encode("utf-8", "replace")
    return hmac.new(secret.encode(), CONTEXT + named, hashlib.sha256).hexdigest()
