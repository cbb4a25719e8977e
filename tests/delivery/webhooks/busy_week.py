"""A firm's busy week, by chance but always the same: every kind of step, by people and by the sweeps."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, draft
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.sweeps import sweep
from webapp.models import Appointment, StaffUser
from webapp.vocabulary import CancelledBy, NoShowParty, Status

DAYS = 7
OPEN = range(8, 19)
HOUR = timedelta(hours=1)


@dataclass
class Week:
    """Plays the week hour by hour; each hour is committed."""

    session: Session
    world: World
    chance: random.Random = field(default_factory=lambda: random.Random(20260113))
    taken: set[tuple[int, datetime]] = field(default_factory=set)

    def hours(self) -> Iterator[datetime]:
        """Each hour of the week, once its steps are committed; a sweep ends each day."""
        first = self.world.now.replace(hour=0)
        for day in range(DAYS):
            for hour in OPEN:
                now = first + day * DAY + hour * HOUR
                for _ in range(3):
                    self._new(now)
                for status in Status:
                    self._step(status, now)
                self.session.commit()
                yield now
            sweep(self.session, firm_id=self.world.firm.firm_id, now=first + (day + 1) * DAY)
            self.session.commit()
            yield first + (day + 1) * DAY

    def _staff(self) -> StaffUser:
        return self.chance.choice([self.world.staff, self.world.staff2, self.world.manager, self.world.owner])

    def _place(self, now: datetime) -> tuple[StaffUser, datetime] | None:
        staff = self._staff()
        start = now.replace(hour=0) + self.chance.randint(0, 2) * DAY + self.chance.choice(OPEN) * HOUR
        if start <= now or (staff.staff_user_id, start) in self.taken:
            return None
        self.taken.add((staff.staff_user_id, start))
        return staff, start

    def _new(self, now: datetime) -> None:
        place = self._place(now)
        if place is None:
            return
        staff, start = place
        plan = draft(self.world, start=start, staff_user=staff, confirm_by=now + (start - now) / 2)
        how = self.chance.random()
        if how < 0.3:
            booking.request(self.session, actor=self.world.client, draft=plan, now=now)
        elif how < 0.5:
            booking.propose(self.session, actor=self.world.acting(), draft=plan, now=now)
        else:
            booking.book(self.session, actor=self.world.acting(), draft=plan, now=now)

    def _step(self, status: Status, now: datetime) -> None:
        """Something happens to one appointment of this status, if it can."""
        past = status in {Status.COMPLETED, Status.NO_SHOW}
        found = self.session.scalars(
            sa.select(Appointment)
            .where(
                Appointment.status == status,
                Appointment.start_time < now if past else Appointment.start_time > now - 3 * HOUR,
                sa.or_(Appointment.confirm_by.is_(None), Appointment.confirm_by > now),
            )
            .order_by(Appointment.appointment_id)
            .execution_options(populate_existing=True)
        ).all()
        if not found or self.chance.random() < (0.8 if past else 0.3):
            return
        one, lena = self.chance.choice(found), self.world.acting()
        match status:
            case Status.REQUESTED if one.start_time > now:
                if self.chance.random() < 0.7:
                    appointments.approve(self.session, one, actor=lena, now=now)
                else:
                    appointments.decline(self.session, one, actor=lena, reason="Full", now=now)
            case Status.AWAITING_CONFIRMATION:
                appointments.confirm(self.session, one, actor=lena, now=now)
            case Status.CONFIRMED:
                self._confirmed(one, now)
            case Status.COMPLETED | Status.NO_SHOW:
                self._correct(one, now)

    def _confirmed(self, one: Appointment, now: datetime) -> None:
        lena = self.world.acting()
        if one.start_time <= now:
            if self.chance.random() < 0.5:
                appointments.complete(self.session, one, actor=lena, now=now)
            else:
                party = self.chance.choice(list(NoShowParty))
                appointments.mark_no_show(self.session, one, actor=lena, party=party, now=now)
        elif self.chance.random() < 0.4:
            by = self.chance.choice([CancelledBy.CLIENT, CancelledBy.STAFF])
            appointments.cancel(self.session, one, actor=lena, reason="Ill", cancelled_by=by, now=now)
        elif place := self._place(now):
            staff, start = place
            slot = NewSlot(start_time=start, end_time=start + LENGTH, staff_user_id=staff.staff_user_id)
            appointments.reschedule(self.session, one, actor=lena, slot=slot, reason="Busy", now=now)

    def _correct(self, one: Appointment, now: datetime) -> None:
        missed = one.status is Status.COMPLETED
        appointments.correct(
            self.session,
            one,
            actor=self.world.acting(self.world.manager),
            to=Status.NO_SHOW if missed else Status.COMPLETED,
            party=NoShowParty.CLIENT if missed else None,
            reason="Looked it up",
            now=now,
        )
