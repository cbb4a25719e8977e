"""A small firm and its appointments, made through the same functions as the application uses. No clock.

The world's ``now`` is Tuesday 13 January 2026, 10:00 in UTC (and in London). Appointments that are still to
come start a day later, those with an outcome started a day before; pass ``start`` to choose.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from webapp.lifecycle import appointments, booking, clients
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.booking import Draft
from webapp.localtime import Local, instant
from webapp.models import Account, Appointment, AppointmentType, Contact, Firm, StaffUser
from webapp.vocabulary import OUTCOMES, CancelledBy, NoShowParty, Role, Status

NOW = datetime(2026, 1, 13, 10, tzinfo=UTC)
DAY = timedelta(days=1)
LENGTH = timedelta(minutes=45)


@dataclass(frozen=True)
class World:
    """One firm with somebody in each role, one client, and one type of 45 minutes.

    ``staff`` is Lena and ``staff2`` Tomas; both take appointments, and so do the owner and the manager.
    """

    firm: Firm
    owner: StaffUser
    manager: StaffUser
    staff: StaffUser
    staff2: StaffUser
    viewer: StaffUser
    contact: Contact
    account: Account
    kind: AppointmentType
    local: Local
    now: datetime

    def at(self, wall_clock: str) -> datetime:
        """The instant of a time on the firm's clock, such as ``2026-01-14 10:00``."""
        return instant(datetime.fromisoformat(wall_clock), self.local.zone)

    def acting(self, user: StaffUser | None = None) -> Actor:
        """A staff user who acts; Lena unless another is named."""
        return Actor.of_staff(user or self.staff)

    @property
    def client(self) -> Actor:
        return Actor.of_client(self.firm.firm_id, self.contact.name)

    @property
    def system(self) -> Actor:
        return Actor.system(self.firm.firm_id)


def make_world(session: Session, slug: str = "marlow", timezone: str = "Europe/London") -> World:
    """Make and commit a firm. Worlds with different slugs live side by side."""
    firm = Firm(name=slug.capitalize(), slug=slug, timezone=timezone, created_at=NOW)
    session.add(firm)
    session.flush()
    account = Account(firm_id=firm.firm_id, name="Byron Ltd", sort_name="byron ltd", created_at=NOW)
    kind = AppointmentType(
        firm_id=firm.firm_id, name="Review", duration=45, location="Room 2", created_at=NOW
    )
    session.add_all([account, kind])
    session.flush()
    contact = make_contact(session, firm, "Ada Byron", account=account)
    world = World(
        firm=firm,
        owner=make_user(session, firm, "Olga Marlow", Role.OWNER),
        manager=make_user(session, firm, "Daniel Osei", Role.MANAGER),
        staff=make_user(session, firm, "Lena Fischer", Role.STAFF),
        staff2=make_user(session, firm, "Tomas Novak", Role.STAFF),
        viewer=make_user(session, firm, "Vera Lind", Role.VIEWER, bookable=False),
        contact=contact,
        account=account,
        kind=kind,
        local=Local.named(timezone),
        now=NOW,
    )
    session.commit()
    return world


def make_user(session: Session, firm: Firm, name: str, role: Role, *, bookable: bool = True) -> StaffUser:
    """A staff user; ``Lena Fischer`` of ``marlow`` has the address ``lena@marlow.example``."""
    user = StaffUser(
        firm_id=firm.firm_id,
        email=f"{name.split(maxsplit=1)[0].lower()}@{firm.slug}.example",
        name=name,
        role=role,
        bookable=bookable,
        created_at=NOW,
    )
    session.add(user)
    session.flush()
    return user


def make_contact(session: Session, firm: Firm, name: str, *, account: Account | None = None) -> Contact:
    contact = Contact(
        firm_id=firm.firm_id,
        account_id=account.account_id if account else None,
        name=name,
        sort_name=name.lower(),
        email=f"{name.split(maxsplit=1)[0].lower()}@client.example",
        phone="020 7946 0000",
        created_at=NOW,
    )
    session.add(contact)
    session.flush()
    clients.set_terms(session, contact)
    return contact


def draft(
    world: World,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    staff_user: StaffUser | None = None,
    confirm_by: datetime | None = None,
    double_book: bool = False,
    location: str = "",
    notes: str = "",
    reason: str = "",
) -> Draft:
    """What Lena's meeting with Ada is to be, tomorrow at this hour unless said otherwise."""
    start = start or world.now + DAY
    return Draft(
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=(staff_user or world.staff).staff_user_id,
        contact_id=world.contact.contact_id,
        start_time=start,
        end_time=end or start + LENGTH,
        confirm_by=confirm_by,
        double_book=double_book,
        location=location,
        notes=notes,
        reason=reason,
    )


def at_status(
    session: Session,
    status: Status,
    world: World,
    *,
    start: datetime | None = None,
    staff_user: StaffUser | None = None,
    party: NoShowParty = NoShowParty.CLIENT,
) -> Appointment:
    """An appointment with this status, brought there and committed step by step through the lifecycle.

    Made two days before it starts (or before ``now``, if that is earlier); called off a day after it was
    made; completed at its end; a no-show half an hour after its start. A rescheduled one is moved by a day:
    its successor is ``appointment.rescheduled_to``.
    """
    start = start or (world.now - DAY if status in OUTCOMES else world.now + DAY)
    made = min(start, world.now) - 2 * DAY
    later = made + DAY
    lena = world.acting()
    plan = draft(world, start=start, staff_user=staff_user, confirm_by=start)
    match status:
        case Status.REQUESTED:
            appointment = booking.request(session, actor=world.client, draft=plan, now=made)
        case Status.AWAITING_CONFIRMATION:
            appointment = booking.propose(session, actor=lena, draft=plan, now=made)
        case _:
            appointment = booking.book(session, actor=lena, draft=plan, now=made)
    match status:
        case Status.CANCELLED:
            appointments.cancel(
                session,
                appointment,
                actor=lena,
                reason="Ada is ill",
                cancelled_by=CancelledBy.CLIENT,
                now=later,
            )
        case Status.RESCHEDULED:
            slot = NewSlot(start_time=start + DAY, end_time=start + DAY + LENGTH)
            appointments.reschedule(session, appointment, actor=lena, slot=slot, reason="", now=later)
        case Status.COMPLETED:
            appointments.complete(session, appointment, actor=lena, now=appointment.end_time)
        case Status.NO_SHOW:
            appointments.mark_no_show(
                session, appointment, actor=lena, party=party, now=start + timedelta(minutes=30)
            )
    session.commit()
    return appointment
