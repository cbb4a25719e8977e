"""The contact itself, the polls in which it was asked, its personal links, and the words it is known by."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import (
    Account,
    Appointment,
    AppointmentStatusHistory,
    AuditEvent,
    Contact,
    ContactTerm,
    PersonalLink,
    Poll,
    PollInvitee,
)
from webapp.vocabulary import ActorKind

ERASED = "Erased"
SHORTEST = 3  # characters of a text that is looked for elsewhere


class Words(NamedTuple):
    """What a person was called, and every text that is about to go."""

    names: set[str]
    texts: set[str]


def words_of(
    session: Session, contact: Contact, appointment_ids: Sequence[int], poll_ids: Sequence[int]
) -> Words:
    """The words by which traces of the person can be told from those of others."""
    history, mine = AppointmentStatusHistory, Appointment.appointment_id.in_(appointment_ids)
    steps = session.execute(
        sa.select(history.actor_kind, history.actor_label, history.reason).where(
            history.firm_id == contact.firm_id, history.appointment_id.in_(appointment_ids)
        )
    ).all()
    names = {step.actor_label for step in steps if step.actor_kind is ActorKind.CLIENT}
    names |= {contact.name} | _former_names(session, contact)
    asked = session.execute(
        sa.select(PollInvitee.name, PollInvitee.email, PollInvitee.comment).where(
            PollInvitee.firm_id == contact.firm_id, PollInvitee.poll_id.in_(poll_ids), _is(contact)
        )
    ).all()
    names |= {invitee.name for invitee in asked}
    notes = session.scalars(
        sa.select(Appointment.notes).where(Appointment.firm_id == contact.firm_id, mine)
    ).all()
    texts = names | {contact.email, contact.phone, contact.notes, *notes}
    texts |= {step.reason for step in steps if step.reason}
    texts |= {text for invitee in asked for text in invitee}
    return Words(names, {text for text in texts if len(text) >= SHORTEST})


def _former_names(session: Session, contact: Contact) -> set[str]:
    edits = session.scalars(
        sa.select(AuditEvent.changes).where(
            AuditEvent.firm_id == contact.firm_id,
            AuditEvent.subject == "contact",
            AuditEvent.subject_id == contact.contact_id,
        )
    )
    return {name for changes in edits for name in changes.get("name", ()) if name}


def _is(contact: Contact) -> sa.ColumnElement[bool]:
    """Whether an invitee is this person: by key, or by address where the firm did not connect them."""
    own = PollInvitee.contact_id == contact.contact_id
    if not contact.email:
        return own
    return sa.or_(own, sa.func.lower(PollInvitee.email) == contact.email.lower())


def close_links(session: Session, contact: Contact, poll_ids: Sequence[int], now: datetime) -> None:
    """Revoke every personal link of the contact and of its invitations."""
    asked = sa.select(PollInvitee.poll_invitee_id).where(
        PollInvitee.firm_id == contact.firm_id, PollInvitee.poll_id.in_(poll_ids), _is(contact)
    )
    session.execute(
        sa.update(PersonalLink)
        .where(
            PersonalLink.firm_id == contact.firm_id,
            PersonalLink.revoked_at.is_(None),
            sa.or_(PersonalLink.contact_id == contact.contact_id, PersonalLink.poll_invitee_id.in_(asked)),
        )
        .values(revoked_at=now)
        .execution_options(synchronize_session=False)
    )


def erase_polls(session: Session, contact: Contact, poll_ids: Sequence[int]) -> None:
    """Empty the texts of the polls and the person's place in them; times and votes stay."""
    unheard = sa.literal("erased-") + sa.cast(PollInvitee.poll_invitee_id, sa.String) + "@erased.invalid"
    session.execute(
        sa.update(PollInvitee)
        .where(PollInvitee.firm_id == contact.firm_id, PollInvitee.poll_id.in_(poll_ids), _is(contact))
        .values(name=ERASED, email=unheard, timezone=None, comment="")
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.update(Poll)
        .where(Poll.firm_id == contact.firm_id, Poll.poll_id.in_(poll_ids))
        .values(title=ERASED, location="", notes="", status_reason=None, version=Poll.version + 1)
        .execution_options(synchronize_session=False)
    )


def erase(session: Session, contact: Contact, now: datetime) -> None:
    """Empty the contact, take it out of the search, and empty an account that is nobody but this person."""
    own = own_account(session, contact)
    if own is not None:
        own.name, own.sort_name, own.notes = ERASED, ERASED.lower(), ""
    contact.name, contact.sort_name = ERASED, ERASED.lower()
    contact.email = contact.phone = contact.notes = ""
    contact.timezone = contact.external_ref = None
    contact.erased_at = now
    mine = (ContactTerm.firm_id == contact.firm_id, ContactTerm.contact_id == contact.contact_id)
    session.execute(sa.delete(ContactTerm).where(*mine))
    session.flush()


def own_account(session: Session, contact: Contact) -> Account | None:
    """The contact's account, where it has the person's name and no other contact."""
    if contact.account_id is None:
        return None
    here = (Contact.firm_id == contact.firm_id, Contact.account_id == contact.account_id)
    alone = session.scalar(sa.select(sa.func.count()).select_from(Contact).where(*here)) == 1
    account = session.scalars(
        sa.select(Account).where(Account.firm_id == contact.firm_id, Account.account_id == contact.account_id)
    ).one()
    return account if alone and account.sort_name == contact.sort_name else None
