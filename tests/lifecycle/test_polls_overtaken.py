"""Answers to a poll, decisions about its appointment and the sweep that times it out, all at one moment."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.lifecycle.threads import at_once
from tests.support.polls import PEOPLE, people, poll_draft, slot_ids
from webapp.lifecycle import appointments, transaction
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import NotAllowed, Stale
from webapp.lifecycle.polls import answering, drafting, holding
from webapp.lifecycle.polls.drafting import Span
from webapp.lifecycle.sweeps import sweep
from webapp.models import Appointment, Poll
from webapp.queries import invariants
from webapp.vocabulary import Answer, CancelledBy, PollStatus, Status

HOUR = timedelta(hours=1)
ROUNDS = 6
POLLS = 10
ENDS = {
    PollStatus.CONFIRMED: Status.CONFIRMED,
    PollStatus.TIMED_OUT: Status.CANCELLED,
    PollStatus.CANCELLED: Status.CANCELLED,
}


def held(session: Session, world: World, place: int) -> tuple[int, int, int, int]:
    """A poll that holds its one time: its number, the time's, its only invitee's, the appointment's."""
    start = world.now + 20 * DAY + place * 2 * HOUR
    plan = replace(poll_draft(world, invitees=PEOPLE[:1]), slots=[Span(start, start + HOUR)])
    poll = drafting.create(session, actor=world.acting(), draft=plan, now=world.now)
    (slot,) = slot_ids(session, poll)
    (person,) = people(session, poll)
    appointment = holding.hold(
        session,
        poll,
        poll_slot_id=slot,
        actor=world.acting(),
        now=world.now,
        confirm_by=world.now + DAY,
    )
    session.commit()
    return poll.poll_id, slot, person.poll_invitee_id, appointment.appointment_id


def call_off(session: Session, number: int, actor: Actor, now: datetime) -> None:
    meeting = session.get_one(Appointment, number, populate_existing=True)
    appointments.cancel(session, meeting, actor=actor, reason="Ill", cancelled_by=CancelledBy.STAFF, now=now)


def tried(work: Callable[[], Any]) -> None:
    """Do it; that somebody else was first is no matter here."""
    with suppress(NotAllowed, Stale):
        work()


def test_whoever_comes_at_once_nobody_is_caught_in_a_deadlock(
    session: Session, engine: Engine, world: World
) -> None:
    deadlocks: list[str] = []

    def note(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == "40P01":
            deadlocks.append(str(context.statement))

    sa.event.listen(engine, "handle_error", note)
    firm_id, lena, now = world.firm.firm_id, world.acting(), world.now
    for turn in range(ROUNDS):
        made = [held(session, world, turn * POLLS + place) for place in range(POLLS)]

        def answer(own: Session, made: Any = made) -> None:
            for _poll, slot, person, _appointment in made:
                given = {"firm_id": firm_id, "poll_invitee_id": person, "poll_slot_id": slot}
                work = partial(answering.answer, own, **given, given=Answer.ACCEPTED, now=now + DAY)
                tried(partial(transaction.run, own, work))

        def cancel(own: Session, made: Any = made) -> None:
            for *_rest, number in reversed(made):
                tried(partial(transaction.run, own, partial(call_off, own, number, lena, now)))

        def time_out(own: Session) -> None:
            sweep(own, firm_id=firm_id, now=now + DAY + timedelta(minutes=1))

        results = at_once(engine, [answer, cancel, time_out, answer, time_out])
        assert results == [None] * len(results)
    sa.event.remove(engine, "handle_error", note)
    sweep(session, firm_id=firm_id, now=now + DAY + timedelta(minutes=1))
    found = session.execute(
        sa.select(Poll.status, Appointment.status).join(
            Appointment,
            (Appointment.firm_id == Poll.firm_id) & (Appointment.appointment_id == Poll.appointment_id),
        )
    ).all()
    assert len(found) == ROUNDS * POLLS
    assert all(ENDS[poll] is appointment for poll, appointment in found), found
    assert list(invariants.check(session)) == []
    assert deadlocks == []
