"""Polls that several people and the sweep change at the same moment, on both engines, in real threads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, BrokenBarrierError, get_ident
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, make_world
from tests.lifecycle.threads import Job, at_once
from tests.support.polls import HOUR, PEOPLE, make_poll, people, slot_ids
from webapp.lifecycle import transaction
from webapp.lifecycle.errors import Conflict, NotAllowed, Stale
from webapp.lifecycle.polls import answering, base, holding
from webapp.lifecycle.sweeps import sweep
from webapp.models import Appointment, Poll, PollInvitee, PollVote
from webapp.queries import invariants
from webapp.vocabulary import Answer, PollStatus, Status, Vote

ROUNDS = 6
PATIENCE = 0.5
"""Seconds to wait for the other one: on SQLite it is not let in before the first has committed."""


@contextmanager
def meeting_before(engine: Engine, words: str) -> Iterator[None]:
    """Two threads wait for each other before their first statement that begins with these words.

    By then both have read and decided, so only what guards the writing keeps them apart.
    """
    both, met = Barrier(2), set[int]()

    def wait(_connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith(words) and get_ident() not in met:
            met.add(get_ident())
            try:
                both.wait(timeout=PATIENCE)
            except BrokenBarrierError:
                return

    sa.event.listen(engine, "before_cursor_execute", wait)
    try:
        yield
    finally:
        sa.event.remove(engine, "before_cursor_execute", wait)


class Held:
    """A poll with one invitee and a held time, in a firm of its own."""

    def __init__(self, engine: Engine, name: str) -> None:
        with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
            self.world: World = make_world(session, name)
            poll = make_poll(session, self.world, invitees=[PEOPLE[0]])
            self.slots = slot_ids(session, poll)
            self.until = self.world.now + HOUR * 3
            self.first = holding.hold(
                session,
                poll,
                poll_slot_id=self.slots[0],
                actor=self.world.acting(),
                now=self.world.now,
                confirm_by=self.until,
            ).appointment_id
            session.commit()
            self.firm_id, self.poll_id = poll.firm_id, poll.poll_id
            self.invitee_id = people(session, poll)[0].poll_invitee_id

    def accept(self, session: Session) -> bool:
        return transaction.run(
            session,
            lambda: answering.answer(
                session,
                firm_id=self.firm_id,
                poll_invitee_id=self.invitee_id,
                poll_slot_id=self.slots[0],
                given=Answer.ACCEPTED,
                now=self.until,
            ),
        )

    def time_out(self, session: Session) -> int:
        late = self.until + timedelta(seconds=1)
        return sweep(session, firm_id=self.firm_id, now=late).moved

    def hold_another(self, session: Session) -> int:
        def work() -> int:
            poll = base.get(session, firm_id=self.firm_id, poll_id=self.poll_id)
            made = holding.hold(
                session,
                poll,
                poll_slot_id=self.slots[1],
                actor=self.world.acting(),
                now=self.until,
                expected_version=2,
            )
            return made.appointment_id

        return transaction.run(session, work)

    def stands(self, session: Session) -> tuple[PollStatus, Status]:
        poll = session.get_one(Poll, self.poll_id)
        return poll.status, session.get_one(Appointment, self.first).status


def test_an_acceptance_and_a_time_out_never_both_count(engine: Engine) -> None:
    for number in range(ROUNDS):
        held = Held(engine, f"firm-{number}")
        jobs: list[Job] = [held.accept, held.time_out]
        with meeting_before(engine, "UPDATE appointment SET"):
            accepted, moved = at_once(engine, jobs if number % 2 else jobs[::-1])[:: 1 if number % 2 else -1]
        with Session(engine) as session:
            if accepted is True:
                assert moved == 0
                assert held.stands(session) == (PollStatus.CONFIRMED, Status.CONFIRMED)
            else:
                assert isinstance(accepted, NotAllowed), accepted
                assert moved == 1
                assert held.stands(session) == (PollStatus.TIMED_OUT, Status.CANCELLED)
            assert list(invariants.check(session)) == []


def test_without_the_guards_both_would_count(engine: Engine) -> None:
    """The control of the race above: the same meeting, with a write that trusts what was read."""
    held, both_have_read = Held(engine, "marlow"), Barrier(2)

    def trusting(status: PollStatus) -> Callable[[Session], int]:
        def job(session: Session) -> int:
            assert session.get_one(Poll, held.poll_id).status is PollStatus.HELD
            session.commit()
            both_have_read.wait()
            session.connection(execution_options={"write": True})
            change = sa.update(Poll).where(Poll.poll_id == held.poll_id).values(status=status)
            written: Any = session.execute(change)
            session.commit()
            return int(written.rowcount)

        return job

    results = at_once(engine, [trusting(PollStatus.CONFIRMED), trusting(PollStatus.TIMED_OUT)])
    assert results == [1, 1]


def test_an_acceptance_and_another_hold_never_both_stand(engine: Engine) -> None:
    for number in range(ROUNDS):
        held = Held(engine, f"firm-{number}")
        jobs: list[Job] = [held.accept, held.hold_another]
        with meeting_before(engine, "UPDATE appointment SET"):
            accepted, again = at_once(engine, jobs if number % 2 else jobs[::-1])[:: 1 if number % 2 else -1]
        with Session(engine) as session:
            if accepted is True:
                assert isinstance(again, Stale), again
                assert held.stands(session) == (PollStatus.CONFIRMED, Status.CONFIRMED)
            else:
                assert isinstance(accepted, Conflict), accepted
                assert isinstance(again, int), again
                assert held.stands(session) == (PollStatus.HELD, Status.CANCELLED)
                assert session.get_one(PollInvitee, held.invitee_id).answer is None
            assert list(invariants.check(session)) == []


def test_a_vote_counts_or_is_refused_while_staff_hold_a_time(engine: Engine) -> None:
    for number in range(ROUNDS):
        voted, picked, kept = _vote_and_hold(engine, f"firm-{number}")
        assert isinstance(picked, int), picked
        assert (voted, kept) == ("kept", 3) or (isinstance(voted, NotAllowed) and kept == 0)


def _vote_and_hold(engine: Engine, name: str) -> tuple[Any, Any, int | None]:
    """What became of a vote and of a hold at the same moment, and how many votes are there now."""
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        world = make_world(session, name)
        poll = make_poll(session, world)
        slots, firm_id, poll_id = slot_ids(session, poll), poll.firm_id, poll.poll_id
        who = people(session, poll)[0].poll_invitee_id

    def vote(session: Session) -> str:
        choice = dict.fromkeys(slots, Vote.YES)

        def work() -> None:
            answering.vote(session, firm_id=firm_id, poll_invitee_id=who, votes=choice, now=world.now)

        transaction.run(session, work)
        return "kept"

    def pick(session: Session) -> int:
        def work() -> int:
            fresh = base.get(session, firm_id=firm_id, poll_id=poll_id)
            actor = world.acting()
            held = holding.hold(session, fresh, poll_slot_id=slots[0], actor=actor, now=world.now)
            return held.appointment_id

        return transaction.run(session, work)

    voted, picked = at_once(engine, [vote, pick])
    with Session(engine) as session:
        mine = sa.select(sa.func.count()).where(PollVote.poll_invitee_id == who)
        return voted, picked, session.scalar(mine)


def test_of_six_who_hold_six_times_one_wins_and_five_are_told(engine: Engine) -> None:
    for number in range(ROUNDS // 2):
        results = _six_hold(engine, f"firm-{number}", seen=1)
        assert sorted(type(result).__name__ for result in results) == ["Stale"] * 5 + ["int"]


def test_who_does_not_say_what_was_seen_overtakes_the_others(engine: Engine) -> None:
    """The control of the race above: it is the version on the page that tells the five."""
    results = _six_hold(engine, "marlow", seen=None)
    assert [type(result).__name__ for result in results] == ["int"] * 6


def _six_hold(engine: Engine, name: str, *, seen: int | None) -> list[Any]:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        world = make_world(session, name)
        poll = make_poll(session, world, slots=6)
        slots, firm_id, poll_id = slot_ids(session, poll), poll.firm_id, poll.poll_id

    def job(slot: int) -> Job:
        def work(session: Session) -> int:
            fresh = base.get(session, firm_id=firm_id, poll_id=poll_id)
            made = holding.hold(
                session, fresh, poll_slot_id=slot, actor=world.acting(), now=world.now, expected_version=seen
            )
            return made.appointment_id

        return lambda session: transaction.run(session, lambda: work(session))

    results = at_once(engine, [job(slot) for slot in slots])
    with Session(engine) as session:
        waiting = sa.select(sa.func.count()).where(
            Appointment.firm_id == firm_id, Appointment.status == Status.AWAITING_CONFIRMATION
        )
        assert session.scalar(waiting) == 1
        assert list(invariants.check(session)) == []
    return results
