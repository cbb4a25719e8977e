"""A demo firm at work: the lifecycle's functions, with the actor who would call them."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.demo import words
from webapp.demo.calendar import Calendar, Place
from webapp.lifecycle import appointments, attendance, booking
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.booking import Draft
from webapp.models import Appointment, StaffUser
from webapp.vocabulary import AttendanceSide, AttendanceSource, CancelledBy, NoShowParty, Role, Status


@dataclass(frozen=True, slots=True)
class Client:
    """Who a meeting is with: a person, or a whole account."""

    name: str
    contact_id: int | None
    account_id: int | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everybody who acts at one firm. Each method does one thing at the instant it is given."""

    session: Session
    firm_id: int
    calendar: Calendar
    staff: dict[str, StaffUser]
    kinds: dict[str, int]

    def front(self) -> Actor:
        """The receptionist: staff who take no appointments themselves."""
        return self._first(lambda user: user.role is Role.STAFF and not user.bookable)

    def system(self) -> Actor:
        return Actor.system(self.firm_id)

    def manager(self) -> Actor:
        return self._first(lambda user: user.role is Role.MANAGER)

    def _first(self, fits: Callable[[StaffUser], bool]) -> Actor:
        return Actor.of_staff(next(user for user in self.staff.values() if fits(user)))

    def booker(self, place: Place, rng: random.Random) -> Actor:
        """Mostly the front desk, else the adviser."""
        return Actor.of_staff(self.staff[place.staff]) if rng.random() < 0.3 else self.front()

    def location(self, place: Place) -> str:
        """Where a meeting in this place is held: a room has one person in it, so nobody else's meeting."""
        kind = next(kind for kind in self.calendar.house.kinds if kind.name == place.kind)
        return self.calendar.colleague(place.staff).room if kind.in_room else kind.location

    def draft(
        self,
        place: Place,
        client: Client,
        rng: random.Random,
        *,
        reason: str = "",
        confirm_by: datetime | None = None,
        double_book: bool = False,
    ) -> Draft:
        """What the booking form would send; one in five has a note."""
        return Draft(
            appointment_type_id=self.kinds[place.kind],
            staff_user_id=self.staff[place.staff].staff_user_id,
            contact_id=client.contact_id,
            account_id=client.account_id,
            start_time=place.start,
            end_time=place.end,
            location=self.location(place),
            notes=rng.choice(words.NOTES) if rng.random() < 0.2 else "",
            reason=reason,
            confirm_by=confirm_by,
            double_book=double_book,
        )

    def book(self, actor: Actor, draft: Draft, now: datetime) -> Appointment:
        return booking.book(self.session, actor=actor, draft=draft, now=now)

    def request(self, client: Client, draft: Draft, now: datetime) -> Appointment:
        """Asked for by the client, online."""
        asking = Actor.of_client(self.firm_id, client.name)
        return booking.request(self.session, actor=asking, draft=draft, now=now)

    def propose(self, draft: Draft, now: datetime) -> Appointment:
        return booking.propose(self.session, actor=self.front(), draft=draft, now=now)

    def approve(self, appointment: Appointment, actor: Actor, now: datetime) -> None:
        appointments.approve(self.session, appointment, actor=actor, now=now)

    def decline(self, appointment: Appointment, reason: str, now: datetime) -> None:
        appointments.decline(self.session, appointment, actor=self.front(), reason=reason, now=now)

    def expire(self, appointment: Appointment, now: datetime) -> None:
        appointments.expire(self.session, appointment, actor=self.system(), now=now)

    def confirm(self, appointment: Appointment, now: datetime) -> None:
        appointments.confirm(self.session, appointment, actor=self.front(), now=now)

    def time_out(self, appointment: Appointment, now: datetime) -> None:
        appointments.time_out(self.session, appointment, actor=self.system(), now=now)

    def cancel(self, appointment: Appointment, side: CancelledBy, reason: str, now: datetime) -> None:
        """Entered at the front desk, on whose side it may be."""
        appointments.cancel(
            self.session, appointment, actor=self.front(), reason=reason, cancelled_by=side, now=now
        )

    def move(
        self, appointment: Appointment, place: Place, actor: Actor, reason: str, now: datetime
    ) -> Appointment:
        length = appointment.end_time - appointment.start_time
        slot = NewSlot(
            start_time=place.start,
            end_time=place.start + length,
            staff_user_id=self.staff[place.staff].staff_user_id,
        )
        return appointments.reschedule(
            self.session, appointment, actor=actor, slot=slot, reason=reason, now=now
        )

    def complete(
        self, appointment: Appointment, actor: Actor, now: datetime, *, reason: str | None = None
    ) -> None:
        """As of its end, or of now if it has not ended."""
        appointments.complete(
            self.session,
            appointment,
            actor=actor,
            now=now,
            occurred_at=min(appointment.end_time, now),
            reason=reason,
        )

    def no_show(
        self,
        appointment: Appointment,
        actor: Actor,
        party: NoShowParty,
        note: str,
        now: datetime,
        *,
        occurred_at: datetime | None = None,
    ) -> None:
        appointments.mark_no_show(
            self.session,
            appointment,
            actor=actor,
            party=party,
            note=note,
            now=now,
            occurred_at=occurred_at,
        )

    def attend(
        self,
        appointment: Appointment,
        actor: Actor,
        side: AttendanceSide,
        source: AttendanceSource,
        now: datetime,
    ) -> None:
        """Somebody is there from now on."""
        attendance.record(
            self.session, appointment, actor=actor, side=side, source=source, joined_at=now, now=now
        )

    def correct(
        self, appointment: Appointment, to: Status, party: NoShowParty | None, reason: str, now: datetime
    ) -> None:
        appointments.correct(
            self.session, appointment, actor=self.manager(), to=to, party=party, reason=reason, now=now
        )
