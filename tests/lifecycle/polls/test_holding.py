"""A time of a poll is held, or another one."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_world
from tests.lifecycle import rows
from tests.lifecycle.polls.conftest import hold, log, reply, sound
from tests.lifecycle.threads import at_once
from tests.support.polls import HOUR, make_poll, people, slot_ids, spans
from webapp.lifecycle import booking, transaction
from webapp.lifecycle.errors import Invalid, Missing, NotAllowed, SlotTaken
from webapp.lifecycle.polls import base, holding
from webapp.models import Appointment, Contact, PollSlot
from webapp.queries import polls
from webapp.vocabulary import Answer, CancelledBy, PollStatus, Status


def test_a_held_time_awaits_confirmation_with_its_first_history_row(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    assert (poll.status, poll.appointment_id) == (PollStatus.HELD, appointment.appointment_id)
    assert appointment.status is Status.AWAITING_CONFIRMATION
    assert appointment.confirm_by == appointment.start_time  # earlier than the firm's 48 hours
    [first] = rows.history(session, appointment)
    assert (first["action"], first["reason"]) == ("propose", "Poll: Wren Trust, annual review")
    sound(session)


def test_a_firm_gets_to_know_the_first_required_invitee(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    contact = session.get_one(Contact, appointment.contact_id)
    assert (contact.name, contact.email) == ("Clara Wren", "clara@wren.example")
    again = hold(session, world, poll, 1)
    assert again.contact_id == contact.contact_id


def test_a_taken_time_is_not_held_and_nothing_changes(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    held = hold(session, world, poll)
    taken = spans(world)[1].start_time
    booking.book(session, actor=world.acting(), draft=draft(world, start=taken), now=world.now)
    session.commit()
    with pytest.raises(SlotTaken):
        hold(session, world, poll, 1)
    session.rollback()
    session.refresh(poll)
    session.refresh(held)
    assert (poll.status, poll.appointment_id) == (PollStatus.HELD, held.appointment_id)
    assert held.status is Status.AWAITING_CONFIRMATION
    sound(session)


def test_holding_another_time_cancels_the_held_one_and_asks_afresh(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    first = hold(session, world, poll)
    reply(session, world, poll, 0, Answer.ACCEPTED)
    second = hold(session, world, poll, 1)
    assert first.status is Status.CANCELLED
    assert first.cancelled_by is CancelledBy.STAFF
    assert first.status_reason == "Another time was chosen: Fri 16 Jan 2026, 10:00"
    assert (poll.status, poll.appointment_id) == (PollStatus.HELD, second.appointment_id)
    assert {one.answer for one in people(session, poll)} == {None}
    assert log(session) == ["created", "held", "accepted", "released", "held"]
    sound(session)


def test_a_time_that_overlaps_the_held_one_can_be_held_instead(session: Session, world: World) -> None:
    poll = make_poll(session, world, slots=1)
    start = world.now + DAY * 2
    session.execute(  # no poll is made so any more
        sa.insert(PollSlot).values(
            firm_id=poll.firm_id,
            poll_id=poll.poll_id,
            start_time=start + HOUR / 2,
            end_time=start + HOUR * 1.5,
        )
    )
    hold(session, world, poll)
    page = polls.page(session, firm_id=poll.firm_id, poll_id=poll.poll_id, now=world.now)
    assert [slot.busy for slot in page.slots] == [False, False]
    assert hold(session, world, poll, 1).start_time == start + HOUR / 2
    sound(session)


def test_the_held_time_is_not_held_twice(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    hold(session, world, poll)
    with pytest.raises(NotAllowed):
        hold(session, world, poll)


def test_a_time_of_another_poll_is_missing(session: Session, world: World) -> None:
    poll, other = make_poll(session, world), make_poll(session, world)
    with pytest.raises(Missing):
        holding.hold(
            session,
            poll,
            poll_slot_id=slot_ids(session, other)[0],
            actor=world.acting(),
            now=world.now,
        )


def test_a_deadline_after_the_start_is_refused(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    with pytest.raises(Invalid) as refusal:
        hold(session, world, poll, confirm_by=world.now + DAY * 9)
    assert refusal.value.field == "confirm_by"


def test_of_two_who_hold_different_times_one_wins_and_one_is_told(engine: Engine) -> None:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        world = make_world(session)
        poll = make_poll(session, world)
        ids = slot_ids(session, poll)
        firm_id, poll_id, now = poll.firm_id, poll.poll_id, world.now
        actors = [world.acting(), world.acting(world.manager)]

    def job(number: int) -> Callable[[Session], int]:
        def work(session: Session) -> int:
            fresh = base.get(session, firm_id=firm_id, poll_id=poll_id)
            made = holding.hold(
                session,
                fresh,
                poll_slot_id=ids[number],
                actor=actors[number],
                now=now,
                expected_version=1,
            )
            return made.appointment_id

        return lambda session: transaction.run(session, lambda: work(session))

    results = at_once(engine, [job(0), job(1)])
    assert sorted(type(result).__name__ for result in results) == ["Stale", "int"]
    with Session(engine) as session:
        live = session.scalar(sa.select(sa.func.count()).select_from(Appointment))
        assert live == 1
        sound(session)
