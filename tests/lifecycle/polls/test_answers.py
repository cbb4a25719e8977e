"""A held time is answered and confirmed; what keeps poll and appointment in step; who is reminded."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, make_contact, make_world
from tests.lifecycle import rows
from tests.lifecycle.polls.conftest import YES, hold, log, reply, sound
from tests.lifecycle.threads import at_once
from tests.support.polls import HOUR, cast, make_poll, people, slot_ids
from webapp.lifecycle import appointments, transaction
from webapp.lifecycle.errors import Invalid, NotAllowed, Stale
from webapp.lifecycle.polls import answering, holding
from webapp.lifecycle.polls.drafting import InviteeFacts
from webapp.models import Appointment, Poll, PollInvitee
from webapp.queries import poll_invitee, poll_list, polls
from webapp.vocabulary import Answer, CancelledBy, PollStatus, Status


def story(session: Session, appointment: Appointment) -> list[tuple[str, str]]:
    return [(row["action"], row["actor_label"]) for row in rows.history(session, appointment)]


def test_all_required_accept_and_the_system_confirms(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    assert not reply(session, world, poll, 0, Answer.ACCEPTED)
    assert not reply(session, world, poll, 2, Answer.DECLINED)  # not required
    assert reply(session, world, poll, 1, Answer.ACCEPTED)
    assert (poll.status, appointment.status) == (PollStatus.CONFIRMED, Status.CONFIRMED)
    assert story(session, appointment) == [("propose", "Lena Fischer"), ("confirm", "the system")]
    assert not reply(session, world, poll, 1, Answer.ACCEPTED)  # a repetition has no second effect
    with pytest.raises(NotAllowed):
        reply(session, world, poll, 1, Answer.DECLINED)
    sound(session)


def test_of_many_answers_at_once_the_last_confirms(engine: Engine) -> None:
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        world = make_world(session)
        crowd = [InviteeFacts(name=f"P{n}", email=f"p{n}@x.example") for n in range(8)]
        poll = make_poll(session, world, invitees=crowd)
        hold(session, world, poll)
        session.commit()
        ids = [one.poll_invitee_id for one in people(session, poll)]
        slot, firm_id, poll_id = slot_ids(session, poll)[0], poll.firm_id, poll.poll_id

    def job(who: int) -> Callable[[Session], bool]:
        return lambda session: transaction.run(
            session,
            lambda: answering.answer(
                session,
                firm_id=firm_id,
                poll_invitee_id=ids[who],
                poll_slot_id=slot,
                given=Answer.ACCEPTED,
                now=world.now + HOUR * 2,
            ),
        )

    assert sorted(at_once(engine, [job(who) for who in range(8)])) == [False] * 7 + [True]
    with Session(engine) as session:
        assert session.get_one(Poll, poll_id).status is PollStatus.CONFIRMED
        sound(session)


def test_one_required_declines_and_staff_choose(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    reply(session, world, poll, 0, Answer.DECLINED)
    assert poll.status == PollStatus.HELD.value
    page = polls.page(session, firm_id=poll.firm_id, poll_id=poll.poll_id, now=world.now)
    assert [one.name for one in page.declined] == ["Clara Wren"]
    ids = [appointment.appointment_id]
    assert poll_list.declined(session, firm_id=poll.firm_id, appointment_ids=ids) == set(ids)
    holding.confirm(session, poll, actor=world.acting(), now=world.now + HOUR * 3)
    assert poll.status is PollStatus.CONFIRMED
    assert poll_list.declined(session, firm_id=poll.firm_id, appointment_ids=ids) == set()
    sound(session)


def test_an_answer_to_a_time_that_is_not_held_any_more_is_not_kept(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    hold(session, world, poll)
    hold(session, world, poll, 1)
    with pytest.raises(Stale):
        reply(session, world, poll, 0, Answer.ACCEPTED, slot=0)
    assert people(session, poll)[0].answer is None


def test_an_answer_after_its_deadline_is_refused(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    hold(session, world, poll, confirm_by=world.now + HOUR * 3)
    with pytest.raises(NotAllowed):
        reply(session, world, poll, 0, Answer.ACCEPTED, later=4)


def test_an_open_poll_is_called_off(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    with pytest.raises(Invalid):
        holding.cancel(session, poll, actor=world.acting(), reason=" ", now=world.now)
    holding.cancel(session, poll, actor=world.acting(), reason="Not needed", now=world.now)
    assert (poll.status, poll.status_reason) == (PollStatus.CANCELLED, "Not needed")
    with pytest.raises(NotAllowed):
        hold(session, world, poll)


def test_calling_a_poll_off_cancels_the_held_appointment(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    holding.cancel(session, poll, actor=world.acting(), reason="Not needed", now=world.now + HOUR * 2)
    assert (poll.status, appointment.status) == (PollStatus.CANCELLED, Status.CANCELLED)
    assert appointment.status_reason == "Not needed"
    assert log(session) == ["created", "held", "cancelled"]
    sound(session)


@pytest.mark.parametrize("step", ["confirm", "cancel", "time_out", "confirm then cancel"])
def test_a_poll_follows_its_appointment(session: Session, world: World, step: str) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    later, late = world.now + HOUR * 2, appointment.start_time + HOUR
    if step.startswith("confirm"):
        appointments.confirm(session, appointment, actor=world.acting(), now=later)
        assert poll.status is PollStatus.CONFIRMED
    if step.endswith("cancel"):
        appointments.cancel(
            session,
            appointment,
            actor=world.acting(),
            reason="Ill",
            cancelled_by=CancelledBy.CLIENT,
            now=later,
        )
        assert (poll.status, poll.status_reason) == (PollStatus.CANCELLED, "Ill")
    if step == "time_out":
        appointments.time_out(session, appointment, actor=world.system, now=late)
        assert poll.status is PollStatus.TIMED_OUT
    sound(session)


def test_a_poll_is_called_off_with_what_its_meeting_was_moved_to(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    meeting = hold(session, world, poll)
    holding.confirm(session, poll, actor=world.acting(), now=world.now + HOUR)
    for day in (6, 7):
        to = world.now + DAY * day
        slot = appointments.NewSlot(start_time=to, end_time=to + HOUR)
        meeting = appointments.reschedule(
            session, meeting, actor=world.acting(), slot=slot, reason="", now=world.now + HOUR
        )
        assert poll.status is PollStatus.CONFIRMED
    appointments.cancel(
        session,
        meeting,
        actor=world.acting(),
        reason="Ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now + HOUR,
    )
    assert (poll.status, poll.status_reason) == (PollStatus.CANCELLED, "Ill")
    sound(session)


def test_an_invitee_sees_where_the_meeting_was_moved_to(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    appointment = hold(session, world, poll)
    holding.confirm(session, poll, actor=world.acting(), now=world.now + HOUR)
    to = world.now + DAY * 6
    slot = appointments.NewSlot(start_time=to, end_time=to + HOUR)
    appointments.reschedule(
        session, appointment, actor=world.acting(), slot=slot, reason="", now=world.now + HOUR
    )
    seen = poll_invitee.invitation(
        session, firm_id=poll.firm_id, poll_invitee_id=people(session, poll)[0].poll_invitee_id
    )
    assert seen is not None
    assert (seen.start_time, seen.appointment_status) == (to, Status.CONFIRMED)


def test_who_has_not_replied_is_reminded(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    cast(session, poll, people(session, poll)[0], [YES], world.now)
    silent = holding.remind(session, poll, actor=world.acting(), now=world.now)
    assert [one.name for one in silent] == ["Piet Wren", "Yusuf Amin"]
    assert poll.reminded_at == world.now
    hold(session, world, poll)
    assert len(holding.remind(session, poll, actor=world.acting(), now=world.now)) == 3


def test_nobody_is_reminded_again_before_some_hours_have_passed(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    holding.remind(session, poll, actor=world.acting(), now=world.now)
    with pytest.raises(NotAllowed, match=r"reminded 10:00, so no mail was sent.* again from 14:00\."):
        holding.remind(session, poll, actor=world.acting(world.manager), now=world.now + HOUR * 3.9)
    assert log(session) == ["created", "reminded"]
    assert len(holding.remind(session, poll, actor=world.acting(), now=world.now + HOUR * 4)) == 3


def test_polls_that_need_a_decision_are_counted(session: Session, world: World) -> None:
    def count(later: timedelta = HOUR) -> int:
        asked = sa.select(poll_list.undecided(firm_id=world.firm.firm_id, now=world.now + later))
        return session.scalar(asked) or 0

    voted, held = make_poll(session, world), make_poll(session, world)
    assert (count(), count(DAY)) == (0, 2)
    for one in people(session, voted):
        cast(session, voted, one, [YES], world.now)
    assert count() == 1
    hold(session, world, held, 2)
    assert count(DAY) == 1
    reply(session, world, held, 0, Answer.DECLINED, slot=2)
    assert count() == 2
    [first, second] = poll_list.running(session, firm_id=world.firm.firm_id)
    assert [bool(line.decision(world.now)) for line in (first, second)] == [True, True]
    make_contact(session, world.firm, "Somebody Else")
    assert session.scalar(sa.select(sa.func.count()).select_from(PollInvitee)) == 6
