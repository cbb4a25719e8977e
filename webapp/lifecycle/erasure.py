"""Erasing a person: what is known of a contact goes, what happened stays, without the words.

The history keeps the commitment to the words that go (``webapp.proof``), so its digests and seals still
hold. Nothing here commits; what the files of the database still hold until then is :func:`scrub`'s.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit, sealing
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.clients import get_contact
from webapp.lifecycle.erasing import logs, meetings, people, post, references
from webapp.lifecycle.errors import Forbidden, Invalid, Unavailable
from webapp.lifecycle.text import one_line
from webapp.models import Appointment, Contact, Poll, PollInvitee
from webapp.vocabulary import LIVE, Permission, PollStatus

WHY_LENGTH = 200
ERASED = people.ERASED


@dataclass(frozen=True, slots=True)
class Reach:
    """What an erasure touches: appointments, polls, and how many of either are not over."""

    appointments: tuple[int, ...]
    polls: tuple[int, ...]
    live: int
    open_polls: int

    @property
    def refusal(self) -> str | None:
        """Why it cannot be yet, and what to do first."""
        if self.live:
            them = "them" if self.live > 1 else "it"
            return f"{_count(self.live, 'appointment')} not over. Cancel {them} or record the outcome first."
        if self.open_polls:
            return f"{_count(self.open_polls, 'poll')} still under way. Confirm or call off first."
        return None


def reach(session: Session, *, firm_id: int, contact_id: int) -> Reach:
    """What erasing this contact would touch now: its whole chains, also those that it once was part of."""
    own = meetings.of_contact(session, firm_id, contact_id)
    found = session.execute(
        sa.select(Appointment.appointment_id, Appointment.status)
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id.in_(own))
        .order_by(Appointment.appointment_id)
    ).all()
    contact = get_contact(session, firm_id, contact_id)
    same = PollInvitee.contact_id == contact_id
    if contact.email:
        same = sa.or_(same, sa.func.lower(PollInvitee.email) == contact.email.lower())
    asked = sa.select(PollInvitee.poll_id).where(PollInvitee.firm_id == firm_id, same)
    polls = session.execute(
        sa.select(Poll.poll_id, Poll.status).where(
            Poll.firm_id == firm_id, sa.or_(Poll.poll_id.in_(asked), Poll.appointment_id.in_(own))
        )
    ).all()
    return Reach(
        tuple(row.appointment_id for row in found),
        tuple(row.poll_id for row in polls),
        sum(row.status in LIVE for row in found),
        sum(row.status in (PollStatus.OPEN, PollStatus.HELD) for row in polls),
    )


def erase(
    session: Session, *, actor: Actor, contact_id: int, name: str, why: str, secret: str, now: datetime
) -> Reach:
    """Erase a contact, every text of its appointments and polls, and mail and deliveries about them.

    Args:
        name: the contact's name, typed again by who asks for it.
        why: on what grounds; it stays in the log, and must not name the person.
        secret: the installation's key; it hashes what an import knows the person by.

    Raises:
        Forbidden: the role is not a manager's.
        Missing: there is no such contact.
        Invalid: the name is another, the person is erased already, or something about them is not over.
    """
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Only a manager erases a person.")
    contact = _held(session, actor.firm_id, contact_id)
    if contact.erased_at is not None:
        raise Invalid("This person was erased already.")
    if " ".join(name.split()).casefold() != contact.name.casefold():
        raise Invalid("Type the name exactly as it stands above.", field="name")
    grounds = _grounds(contact, why)
    meetings.lock(session, actor.firm_id, meetings.of_contact(session, actor.firm_id, contact_id))
    found = reach(session, firm_id=actor.firm_id, contact_id=contact_id)
    if found.refusal:
        raise Invalid(found.refusal)
    if not sealing.adopt_now(session, actor.firm_id, found.appointments):
        raise Invalid(
            "The record of this person has entries without a digest. Whoever runs Daybook has to look at "
            "`daybook audit verify` first."
        )
    _note(session, actor, found.appointments, contact_id, grounds, now)
    references.leave(session, contact, found.appointments, secret=secret)
    _take_away(session, actor.firm_id, contact, found, now)
    return found


def _take_away(session: Session, firm_id: int, contact: Contact, found: Reach, now: datetime) -> None:
    """Every place that holds words of or about the person; the log knows of the erasure already."""
    words = people.words_of(session, contact, found.appointments, found.polls)
    post.silence(session, firm_id, found.appointments, now)
    post.erase_mail(session, firm_id, found.appointments, found.polls, contact.email)
    post.erase_attempts(session, firm_id, found.appointments, now)
    logs.erase(session, contact, found.appointments, found.polls, words.names)
    logs.forget_answers(session, firm_id, words.texts)
    meetings.erase_history(session, firm_id, found.appointments)
    meetings.erase(session, firm_id, found.appointments)
    people.close_links(session, contact, found.polls, now)
    people.erase_polls(session, contact, found.polls)
    people.erase(session, contact, now)


def _held(session: Session, firm_id: int, contact_id: int) -> Contact:
    """The contact, locked against bookings: these need its key."""
    contact = get_contact(session, firm_id, contact_id)
    session.refresh(contact, with_for_update=True)
    return contact


def _grounds(contact: Contact, why: str) -> str:
    grounds = one_line(why, WHY_LENGTH, "why")
    if not grounds:
        raise Invalid("Say on what grounds, such as the date of the request.", field="why")
    told = [word for word in (contact.name, *contact.name.split(), contact.email) if len(word) > 2]
    if any(word.casefold() in grounds.casefold() for word in told):
        raise Invalid("This stays in the log, so leave the person’s name out of it.", field="why")
    return grounds


def _note(
    session: Session, actor: Actor, appointments: Sequence[int], contact_id: int, why: str, now: datetime
) -> None:
    said: dict[str, list[Any]] = {"why": [None, why], "appointments": [None, len(appointments)]}
    about: list[tuple[str, int, dict[str, list[Any]]]] = [
        ("contact", contact_id, said),
        *(("appointment", one, {}) for one in appointments),
    ]
    for subject, number, changed in about:
        audit.note(
            session,
            actor=actor,
            subject=subject,
            subject_id=number,
            action="erased",
            changed=changed,
            now=now,
        )


def scrub(engine: sa.Engine) -> None:
    """Rewrite what the database's files hold, so that nothing erased is left in their free space.

    SQLite: the file is written anew and its log emptied. PostgreSQL: VACUUM FULL, each table locked in turn.
    """
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:  # past the habit of beginning a transaction
            cursor = connection.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()
            if busy is None or busy[0]:
                raise Unavailable("The database is in use, so its log could not be emptied. Try again.")
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
            session.exec_driver_sql("VACUUM FULL")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} of this person is" if number == 1 else f"{number} {noun}s of this person are"
