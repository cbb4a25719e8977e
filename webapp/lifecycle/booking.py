"""Creating appointments: request, book, propose; and the checks that every new slot goes through."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import recording, slots
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import forbidden, local_of
from webapp.lifecycle.errors import Forbidden, Invalid, SlotTaken
from webapp.lifecycle.text import one_line, prose
from webapp.lifecycle.transitions import TABLE
from webapp.models import Account, Appointment, AppointmentType, Contact, Firm, StaffUser
from webapp.vocabulary import Action, ActorKind, Override, Permission, Status

SHORTEST = timedelta(minutes=5)
EARLIEST = timedelta(days=366)
LATEST = timedelta(days=5 * 366)
REASON_LENGTH = 500
NOTES_LENGTH = 4000
LOCATION_LENGTH = 120
OFFERED = sa.and_(
    AppointmentType.firm_id == sa.bindparam("firm_id"),
    AppointmentType.appointment_type_id == sa.bindparam("appointment_type_id"),
    AppointmentType.retired_at.is_(None),
)
BOOKABLE = sa.and_(
    StaffUser.firm_id == sa.bindparam("firm_id"),
    StaffUser.staff_user_id == sa.bindparam("staff_user_id"),
    StaffUser.bookable,
    StaffUser.deactivated_at.is_(None),
)
KNOWN = sa.and_(Contact.firm_id == sa.bindparam("firm_id"), Contact.contact_id == sa.bindparam("contact_id"))
CHOSEN = (
    sa.select(AppointmentType, StaffUser, Contact)
    .select_from(Firm)
    .outerjoin(AppointmentType, OFFERED)
    .outerjoin(StaffUser, BOOKABLE)
    .outerjoin(Contact, KNOWN)
    .where(Firm.firm_id == sa.bindparam("firm_id"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a new appointment is to be. Times are aware; ``end_time`` is exclusive."""

    appointment_type_id: int
    staff_user_id: int
    contact_id: int | None = None
    account_id: int | None = None
    start_time: datetime
    end_time: datetime
    location: str = ""
    notes: str = ""
    reason: str = ""
    double_book: bool = False
    confirm_by: datetime | None = None


def request(session: Session, *, actor: Actor, draft: Draft, now: datetime) -> Appointment:
    """∅ → requested: it needs the firm's approval. The start must lie ahead."""
    _require_ahead(draft.start_time, now, "Ask for a time that has not passed.")
    return _create(session, Action.REQUEST, Status.REQUESTED, actor=actor, draft=draft, now=now)


def book(session: Session, *, actor: Actor, draft: Draft, now: datetime) -> Appointment:
    """∅ → confirmed, by staff. A start up to a year back is allowed, to enter what was never written down."""
    return _create(session, Action.BOOK, Status.CONFIRMED, actor=actor, draft=draft, now=now)


def propose(session: Session, *, actor: Actor, draft: Draft, now: datetime) -> Appointment:
    """∅ → awaiting_confirmation until ``confirm_by``, which lies between now and the start."""
    _require_ahead(draft.start_time, now, "Propose a time that has not passed.")
    if draft.confirm_by is None or not now < draft.confirm_by <= draft.start_time:
        raise Invalid("Set the deadline between now and the start of the meeting.", field="confirm_by")
    return _create(session, Action.PROPOSE, Status.AWAITING_CONFIRMATION, actor=actor, draft=draft, now=now)


def _require_ahead(start: datetime, now: datetime, sentence: str) -> None:
    if start <= now:
        raise Invalid(sentence, field="start")


def _create(
    session: Session, action: Action, status: Status, *, actor: Actor, draft: Draft, now: datetime
) -> Appointment:
    """Check who, what and when, take the slot, and write the appointment with its first history row.

    Raises:
        Forbidden: the actor may not do this, or may not double-book.
        Invalid: a fact is missing or absurd; ``field`` says which.
        SlotTaken: the staff user's time is held by another live appointment.
    """
    require_actor(action, actor)
    check_interval(draft.start_time, draft.end_time, now)
    reason = prose(draft.reason, REASON_LENGTH, "reason")
    kind, staff_user, contact = _find_chosen(session, actor.firm_id, draft)
    contact_id, account_id = _find_client(session, actor.firm_id, draft, contact)
    slots.lock_staff(session, [staff_user.staff_user_id])
    overbooked = take_slot(
        session,
        actor=actor,
        staff_user=staff_user,
        start=draft.start_time,
        end=draft.end_time,
        double_book=draft.double_book,
        reason=reason,
    )
    appointment = Appointment(
        firm_id=actor.firm_id,
        appointment_type_id=draft.appointment_type_id,
        staff_user_id=staff_user.staff_user_id,
        contact_id=contact_id,
        account_id=account_id,
        booked_by=actor.label,
        booked_by_id=actor.staff_user_id,
        start_time=draft.start_time,
        end_time=draft.end_time,
        confirm_by=draft.confirm_by if status is Status.AWAITING_CONFIRMATION else None,
        location=one_line(draft.location, LOCATION_LENGTH, "location"),
        notes=prose(draft.notes, NOTES_LENGTH, "notes"),
        overbooked=overbooked,
        tracked=kind.tracked,
    )
    return recording.create(
        session,
        appointment,
        action=action,
        status=status,
        actor=actor,
        now=now,
        reason=reason or None,
        overrides=(Override.DOUBLE_BOOKING,) if overbooked else (),
    )


def require_actor(action: Action, actor: Actor) -> None:
    """Refuse kinds of actors and roles that the table does not name (Forbidden)."""
    rule = TABLE[action]
    if actor.kind not in rule.actors:
        raise forbidden(action)
    if actor.kind is ActorKind.STAFF and not actor.can(rule.permission):
        raise forbidden(action)


def check_interval(start: datetime, end: datetime, now: datetime) -> None:
    """Refuse intervals that no meeting has (Invalid)."""
    if end <= start:
        raise Invalid("The end must come after the start.", field="end")
    if end - start < SHORTEST:
        raise Invalid("A meeting lasts at least 5 minutes.", field="duration")
    if end - start > slots.MAX_DURATION:
        raise Invalid("A meeting lasts at most 24 hours. Book one for each day.", field="duration")
    if start < now - EARLIEST:
        raise Invalid("That is more than a year ago. Import older records instead.", field="start")
    if start > now + LATEST:
        raise Invalid("That is more than five years ahead. Choose an earlier date.", field="start")


def _find_chosen(
    session: Session, firm_id: int, draft: Draft
) -> tuple[AppointmentType, StaffUser, Contact | None]:
    """Type, staff user and contact of a draft, each as its own function finds it, in one statement."""
    kind, staff_user, contact = session.execute(
        CHOSEN,
        {
            "firm_id": firm_id,
            "appointment_type_id": draft.appointment_type_id,
            "staff_user_id": draft.staff_user_id,
            "contact_id": draft.contact_id,
        },
    ).one()
    if contact is not None:  # no erasure comes between this look and the booking
        session.refresh(contact, ["erased_at"], with_for_update={"read": True, "key_share": True})
    return _offered(kind), _bookable(staff_user), contact


def find_type(session: Session, firm_id: int, appointment_type_id: int) -> AppointmentType:
    """The firm's type, if it is still offered (Invalid otherwise)."""
    chosen = {"firm_id": firm_id, "appointment_type_id": appointment_type_id}
    return _offered(session.scalar(sa.select(AppointmentType).where(OFFERED), chosen))


def _offered(found: AppointmentType | None) -> AppointmentType:
    if found is None:
        raise Invalid("Choose a type from the list.", field="appointment_type_id")
    return found


def usual_end(session: Session, firm_id: int, appointment_type_id: int, start: datetime) -> datetime:
    """When a meeting of this type that begins then ends, by the type's own length (Invalid: no such type)."""
    kind = find_type(session, firm_id, appointment_type_id)
    return start + timedelta(minutes=kind.duration)


def find_staff(session: Session, firm_id: int, staff_user_id: int) -> StaffUser:
    """A staff user of the firm who takes appointments (Invalid otherwise)."""
    chosen = {"firm_id": firm_id, "staff_user_id": staff_user_id}
    return _bookable(session.scalar(sa.select(StaffUser).where(BOOKABLE), chosen))


def _bookable(found: StaffUser | None) -> StaffUser:
    if found is None:
        raise Invalid("Choose a member of staff from the list.", field="staff_user_id")
    return found


def _find_client(
    session: Session, firm_id: int, draft: Draft, contact: Contact | None
) -> tuple[int | None, int | None]:
    """The contact and account of the draft, which belong together; a contact brings its account."""
    account_id = draft.account_id
    if draft.contact_id is not None:
        if contact is None or contact.erased_at is not None:
            raise Invalid("Choose a contact from the list or add a new one.", field="contact_id")
        if account_id is not None and contact.account_id != account_id:
            raise Invalid("This contact does not belong to that account.", field="account_id")
        account_id = contact.account_id
    elif account_id is not None:
        known = sa.select(Account.account_id).where(
            Account.firm_id == firm_id, Account.account_id == account_id
        )
        if session.scalar(known) is None:
            raise Invalid("Choose an account from the list.", field="account_id")
    if draft.contact_id is None and account_id is None:
        raise Invalid("Say who the meeting is with.", field="contact_id")
    return draft.contact_id, account_id


def take_slot(
    session: Session,
    *,
    actor: Actor,
    staff_user: StaffUser,
    start: datetime,
    end: datetime,
    double_book: bool,
    reason: str,
    ignore: int | None = None,
) -> bool:
    """Look whether the slot is free; returns whether the booking will be a deliberate double booking.

    The look gives a better sentence than the guard; the guard in the database still decides.
    """
    if slots.is_free(
        session,
        firm_id=actor.firm_id,
        staff_user_id=staff_user.staff_user_id,
        start=start,
        end=end,
        ignore=ignore,
    ):
        return False
    if not double_book:
        when = local_of(session, actor.firm_id).day_time(start)
        raise SlotTaken(
            f"{staff_user.name} has another appointment at {when}. Choose another time.", field="start"
        )
    if not actor.can(Permission.DOUBLE_BOOK):
        raise Forbidden("Only a manager can double-book. Choose a free time or ask a manager.")
    if not reason:
        raise Invalid("Give a reason for the double booking; the history keeps it.", field="reason")
    return True
