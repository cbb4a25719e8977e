"""Making a poll, and changing it while it is open: times, invitees, the deadline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import booking
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.clients import EMAIL_LENGTH, NAME_LENGTH, email_of, normalise
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.polls import base
from webapp.lifecycle.text import one_line, prose
from webapp.localtime import zone_names
from webapp.models import Contact, ContactTerm, Poll, PollInvitee, PollSlot
from webapp.models.clients import TERM_LENGTH
from webapp.vocabulary import Permission, PollStatus

TITLE_LENGTH = 120

__all__ = ["EMAIL_LENGTH", "NAME_LENGTH", "TITLE_LENGTH", "InviteeFacts", "PollDraft", "Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """A proposed time, ``[start_time, end_time)``, aware. ``field`` is where it was typed."""

    start_time: datetime
    end_time: datetime
    field: str = "slots"


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteeFacts:
    """Somebody to ask. ``timezone`` None: the firm's, or that of the contact with this address."""

    name: str
    email: str
    required: bool = True
    timezone: str | None = None
    field: str = "invitees"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollDraft:
    """What a new poll is to be. Votes are taken until ``deadline``, which lies before the first time."""

    title: str
    appointment_type_id: int
    staff_user_id: int
    deadline: datetime
    slots: Sequence[Span]
    invitees: Sequence[InviteeFacts]
    account_id: int | None = None
    location: str = ""
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is added to an open poll; None leaves the deadline as it is."""

    deadline: datetime | None = None
    slots: Sequence[Span] = ()
    invitees: Sequence[InviteeFacts] = ()


def create(session: Session, *, actor: Actor, draft: PollDraft, now: datetime) -> Poll:
    """A new poll, open for votes.

    Raises:
        Forbidden: the actor may not book.
        Invalid: a fact is missing or absurd; ``field`` says which.
    """
    base.require(actor, actor.firm_id, Permission.BOOK)
    title = one_line(draft.title, TITLE_LENGTH, "title")
    if not title:
        raise Invalid("Enter what the meeting is about.", field="title")
    booking.find_type(session, actor.firm_id, draft.appointment_type_id)
    booking.find_staff(session, actor.firm_id, draft.staff_user_id)
    _check_spans(draft.slots, [], now)
    if not any(facts.required for facts in draft.invitees):
        raise Invalid("Add at least one invitee who is required.", field="invitees")
    poll = Poll(
        firm_id=actor.firm_id,
        title=title,
        appointment_type_id=draft.appointment_type_id,
        staff_user_id=draft.staff_user_id,
        account_id=draft.account_id,
        location=one_line(draft.location, booking.LOCATION_LENGTH, "location"),
        notes=prose(draft.notes, booking.NOTES_LENGTH, "notes"),
        deadline=_deadline(draft.deadline, draft.slots, now),
        created_by_id=actor.staff_user_id,
        created_at=now,
        version=1,
    )
    poll.status = PollStatus.OPEN
    session.add(poll)
    session.flush()
    _add_spans(session, poll, draft.slots)
    added = _add_invitees(session, poll, draft.invitees, [])
    if poll.account_id is None:
        poll.account_id = _account_of(session, added)
    facts: dict[str, list[Any]] = {
        "title": [None, title],
        "slots": [0, len(draft.slots)],
        "invitees": [0, len(added)],
    }
    base.note(session, poll, actor=actor, action="created", now=now, changed=facts)
    return poll


def edit(
    session: Session,
    poll: Poll,
    *,
    actor: Actor,
    changes: Changes,
    now: datetime,
    expected_version: int | None = None,
) -> list[int]:
    """Add times and invitees to an open poll, or move its deadline. What is there is not taken away.

    Returns:
        The ids of the invitees that were added.
    """
    base.require(actor, poll.firm_id)
    base.check_version(session, poll, expected_version)
    base.require_status(poll, PollStatus.OPEN)
    slots, invitees = base.slots_of(session, poll), base.invitees_of(session, poll)
    spans = [Span(slot.start_time, slot.end_time) for slot in slots]
    if changes.slots:
        _check_spans(changes.slots, spans, now)
    deadline = poll.deadline
    if changes.deadline is not None and changes.deadline != poll.deadline:
        deadline = _deadline(changes.deadline, [*spans, *changes.slots], now)
    elif any(span.start_time <= deadline for span in changes.slots):
        raise Invalid("This time lies before the deadline for votes.", field=changes.slots[0].field)
    changed: dict[str, list[Any]] = {}
    if deadline != poll.deadline:
        changed["deadline"] = [poll.deadline.isoformat(), deadline.isoformat()]
    if changes.slots:
        _add_spans(session, poll, changes.slots)
        changed["slots"] = [len(slots), len(slots) + len(changes.slots)]
    added = _add_invitees(session, poll, changes.invitees, invitees)
    if added:
        changed["invitees"] = [len(invitees), len(invitees) + len(added)]
    if not changed:
        raise Invalid("Nothing was changed. Add a time or an invitee, or move the deadline.")
    base.write(session, poll, expected_version=expected_version, deadline=deadline)
    base.note(session, poll, actor=actor, action="edited", now=now, changed=changed)
    return [invitee.poll_invitee_id for invitee in added]


def _check_spans(spans: Sequence[Span], known: Sequence[Span], now: datetime) -> None:
    if not spans:
        raise Invalid("Add at least one time.", field="slots")
    if len(spans) + len(known) > base.MOST_SLOTS:
        raise Invalid(f"A poll has at most {base.MOST_SLOTS} times.", field=spans[-1].field)
    taken = list(known)
    for span in spans:
        try:
            booking.check_interval(span.start_time, span.end_time, now)
        except Invalid as error:
            raise Invalid(error.sentence, field=span.field) from None
        if span.start_time <= now:
            raise Invalid("This time has passed. Propose a later one.", field=span.field)
        if any(_overlap(span, other) for other in taken):
            raise Invalid("This time overlaps another one that is proposed.", field=span.field)
        taken.append(span)


def _overlap(one: Span, other: Span) -> bool:
    return one.start_time < other.end_time and other.start_time < one.end_time


def _deadline(deadline: datetime, spans: Sequence[Span], now: datetime) -> datetime:
    if deadline <= now:
        raise Invalid("Set a deadline that has not passed.", field="deadline")
    if deadline >= min(span.start_time for span in spans):
        raise Invalid("Set a deadline before the first proposed time.", field="deadline")
    return deadline


def _add_spans(session: Session, poll: Poll, spans: Sequence[Span]) -> None:
    session.add_all(
        PollSlot(
            firm_id=poll.firm_id, poll_id=poll.poll_id, start_time=span.start_time, end_time=span.end_time
        )
        for span in sorted(spans, key=lambda span: span.start_time)
    )
    session.flush()


def _add_invitees(
    session: Session, poll: Poll, invitees: Sequence[InviteeFacts], known: Sequence[PollInvitee]
) -> list[PollInvitee]:
    """Add them, each tied to the firm's contact with the same address, whose zone is theirs by default."""
    if len(invitees) + len(known) > base.MOST_INVITEES:
        raise Invalid(f"A poll has at most {base.MOST_INVITEES} invitees.", field=invitees[-1].field)
    seen = {invitee.email for invitee in known}
    rows = []
    for facts in invitees:
        rows.append(_invitee(poll, facts, seen))
        seen.add(rows[-1].email)
    contacts = _contacts_by_email(session, poll.firm_id, [row.email for row in rows])
    for row in rows:
        contact = contacts.get(row.email)
        if contact is not None:
            row.contact_id = contact.contact_id
            row.timezone = row.timezone or contact.timezone
    session.add_all(rows)
    session.flush()
    return rows


def _invitee(poll: Poll, facts: InviteeFacts, seen: set[str]) -> PollInvitee:
    try:
        name = one_line(facts.name, NAME_LENGTH, facts.field)
        email = email_of(facts.email).lower()
    except Invalid as error:
        raise Invalid(error.sentence.replace(", or leave it empty", ""), field=facts.field) from None
    if not any(character.isalnum() for character in name):
        raise Invalid("Enter the invitee’s name.", field=facts.field)
    if not email:
        raise Invalid(f"Enter an e-mail address for {name}.", field=facts.field)
    if email in seen:
        raise Invalid(f"{email} is invited already.", field=facts.field)
    if facts.timezone and facts.timezone not in zone_names():
        raise Invalid(f"Choose a time zone for {name} from the list, or leave it empty.", field=facts.field)
    return PollInvitee(
        firm_id=poll.firm_id,
        poll_id=poll.poll_id,
        name=name,
        email=email,
        required=facts.required,
        timezone=facts.timezone or None,
    )


def _contacts_by_email(session: Session, firm_id: int, emails: Sequence[str]) -> dict[str, Contact]:
    """The oldest contact of the firm for each of these addresses, found by the terms of the search."""
    terms = {normalise(email)[:TERM_LENGTH] for email in emails}
    if not terms:
        return {}
    ids = sa.select(ContactTerm.contact_id).where(ContactTerm.firm_id == firm_id, ContactTerm.term.in_(terms))
    found = session.scalars(
        sa.select(Contact)
        .where(Contact.firm_id == firm_id, Contact.contact_id.in_(ids))
        .order_by(Contact.contact_id.desc())
    )
    return {contact.email.lower(): contact for contact in found}


def _account_of(session: Session, invitees: Sequence[PollInvitee]) -> int | None:
    """The account of the first required invitee whom the firm knows."""
    known = [invitee.contact_id for invitee in invitees if invitee.required and invitee.contact_id]
    if not known:
        return None
    return session.scalar(sa.select(Contact.account_id).where(Contact.contact_id == known[0]))


def invitee_ids(session: Session, poll: Poll) -> list[int]:
    """The ids of everybody asked."""
    return [invitee.poll_invitee_id for invitee in base.invitees_of(session, poll)]
