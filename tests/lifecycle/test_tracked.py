"""Whether a meeting is tracked comes from its type when it is booked, and goes with it when it is moved."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot


@pytest.mark.parametrize("tracked", [True, False])
def test_new_appointments_are_as_their_type_is(session: Session, world: World, tracked: bool) -> None:
    world.kind.tracked = tracked
    session.flush()
    start = world.now + DAY
    booked = booking.book(session, actor=world.acting(), draft=draft(world, start=start), now=world.now)
    asked = booking.request(session, actor=world.client, draft=draft(world, start=start + DAY), now=world.now)
    proposed = booking.propose(
        session,
        actor=world.acting(),
        draft=draft(world, start=start + 2 * DAY, confirm_by=start),
        now=world.now,
    )
    assert {booked.tracked, asked.tracked, proposed.tracked} == {tracked}


def test_what_is_booked_keeps_it_when_the_type_changes_and_when_it_is_moved(
    session: Session, world: World
) -> None:
    world.kind.tracked = True
    session.flush()
    first = booking.book(session, actor=world.acting(), draft=draft(world), now=world.now)
    world.kind.tracked = False
    session.flush()
    slot = NewSlot(start_time=first.start_time + DAY, end_time=first.end_time + DAY)
    second = appointments.reschedule(
        session, first, actor=world.acting(), slot=slot, reason="", now=world.now + timedelta(minutes=1)
    )
    session.commit()
    session.refresh(first)
    session.refresh(second)
    assert (first.tracked, second.tracked) == (True, True)
