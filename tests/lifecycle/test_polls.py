"""Polls: made, voted on, held, answered, confirmed, called off; and what keeps them in step."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_contact, make_world
from tests.lifecycle import rows
from tests.lifecycle.threads import at_once
from tests.support.polls import HOUR, PEOPLE, cast, make_poll, people, poll_draft, slot_ids, spans
from webapp.lifecycle import appointments, booking, transaction
from webapp.lifecycle.errors import Forbidden, Invalid, Missing, NotAllowed, SlotTaken, Stale
from webapp.lifecycle.polls import answering, base, drafting, holding
from webapp.lifecycle.polls.drafting import Changes, InviteeFacts, PollDraft, Span
from webapp.models import Appointment, Contact, Poll, PollInvitee, PollSlot, PollVote
from webapp.queries import invariants, poll_invitee, poll_list, polls
from webapp.vocabulary import Answer, CancelledBy, PollStatus, Status, Vote

YES, MAYBE, NO = Vote.YES, Vote.IF_NEED_BE, Vote.NO
Change = Callable[[World, PollDraft], PollDraft]


def hold(session: Session, world: World, poll: Poll, slot: int = 0, **more: object) -> Appointment:
    return holding.hold(
        session,
        poll,
        poll_slot_id=slot_ids(session, poll)[slot],
        actor=world.acting(),
        now=world.now + HOUR,
        **more,  # type: ignore[arg-type]
    )


def reply(
    session: Session, world: World, poll: Poll, who: int, given: Answer, slot: int = 0, later: int = 2
) -> bool:
    return answering.answer(
        session,
        firm_id=poll.firm_id,
        poll_invitee_id=people(session, poll)[who].poll_invitee_id,
        poll_slot_id=slot_ids(session, poll)[slot],
        given=given,
        now=world.now + HOUR * later,
    )


def later(span: Span, minutes: int) -> Span:
    by = timedelta(minutes=minutes)
    return Span(span.start_time + by, span.end_time + by)


def story(session: Session, appointment: Appointment) -> list[tuple[str, str]]:
    return [(row["action"], row["actor_label"]) for row in rows.history(session, appointment)]


def log(session: Session) -> list[str]:
    return [row["action"] for row in rows.audit(session) if row["subject"] == "poll"]


def sound(session: Session) -> None:
    session.commit()
    assert list(invariants.check(session)) == []


# ---- making and editing


def test_a_poll_is_made_with_its_times_and_invitees(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    page = polls.page(session, firm_id=poll.firm_id, poll_id=poll.poll_id, now=world.now)
    assert (page.status, page.title, page.host) == (
        PollStatus.OPEN,
        "Wren Trust, annual review",
        "Lena Fischer",
    )
    assert [slot.start_time for slot in page.slots] == [span.start_time for span in spans(world)]
    assert [(one.name, one.required, one.timezone) for one in page.invitees] == [
        ("Clara Wren", True, "Europe/Berlin"),
        ("Piet Wren", True, "America/New_York"),
        ("Yusuf Amin", False, "Asia/Tokyo"),
    ]
    assert log(session) == ["created"]


def test_an_invitee_whom_the_firm_knows_is_tied_to_the_contact(session: Session, world: World) -> None:
    world.contact.timezone = "Asia/Kolkata"
    poll = make_poll(session, world, invitees=[InviteeFacts(name="Ada", email="ADA@client.example")])
    [ada] = people(session, poll)
    assert (ada.contact_id, ada.timezone) == (world.contact.contact_id, "Asia/Kolkata")
    assert poll.account_id == world.account.account_id


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("title", lambda world, plan: replace(plan, title="  ")),
        ("title", lambda world, plan: replace(plan, title="a\x00b")),
        ("appointment_type_id", lambda world, plan: replace(plan, appointment_type_id=10**9)),
        ("staff_user_id", lambda world, plan: replace(plan, staff_user_id=world.viewer.staff_user_id)),
        ("deadline", lambda world, plan: replace(plan, deadline=world.now)),
        ("deadline", lambda world, plan: replace(plan, deadline=plan.slots[0].start_time)),
        ("slots", lambda world, plan: replace(plan, slots=[])),
        ("slots", lambda world, plan: replace(plan, slots=[plan.slots[0]] * 2)),
        ("slots", lambda world, plan: replace(plan, slots=[*plan.slots, later(plan.slots[0], 59)])),
        ("slots", lambda world, plan: replace(plan, slots=[*plan.slots, later(plan.slots[0], -59)])),
        ("slots", lambda world, plan: replace(plan, slots=spans(world, 21))),
        ("slots", lambda world, plan: replace(plan, slots=[Span(world.now - DAY, world.now - DAY + HOUR)])),
        ("invitees", lambda world, plan: replace(plan, invitees=[])),
        ("invitees", lambda world, plan: replace(plan, invitees=[PEOPLE[2]])),
        ("invitees", lambda world, plan: replace(plan, invitees=[PEOPLE[0]] * 2)),
        ("invitees", lambda world, plan: replace(plan, invitees=[replace(PEOPLE[0], email="nobody")])),
        ("invitees", lambda world, plan: replace(plan, invitees=[replace(PEOPLE[0], email="")])),
        ("invitees", lambda world, plan: replace(plan, invitees=[replace(PEOPLE[0], timezone="Mars/Base")])),
        (
            "invitees",
            lambda world, plan: replace(
                plan, invitees=[InviteeFacts(name=f"P{n}", email=f"p{n}@x.example") for n in range(31)]
            ),
        ),
    ],
)
def test_what_no_poll_can_be_is_refused(session: Session, world: World, field: str, change: Change) -> None:
    plan = change(world, poll_draft(world))
    with pytest.raises(Invalid) as refusal:
        drafting.create(session, actor=world.acting(), draft=plan, now=world.now)
    assert refusal.value.field == field


def test_a_viewer_makes_no_poll(session: Session, world: World) -> None:
    with pytest.raises(Forbidden):
        drafting.create(session, actor=world.acting(world.viewer), draft=poll_draft(world), now=world.now)


def test_another_firms_people_are_not_reached(session: Session, world: World) -> None:
    other = make_world(session, "other")
    poll = make_poll(session, world)
    with pytest.raises(Missing):
        base.get(session, firm_id=other.firm.firm_id, poll_id=poll.poll_id)
    with pytest.raises(Missing):
        polls.page(session, firm_id=other.firm.firm_id, poll_id=poll.poll_id, now=world.now)
    plan = replace(poll_draft(world), staff_user_id=other.staff.staff_user_id)
    with pytest.raises(Invalid):
        drafting.create(session, actor=world.acting(), draft=plan, now=world.now)


def test_an_open_poll_takes_more_times_and_invitees(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    late = world.now + DAY * 9
    more = InviteeFacts(name="Nora", email="nora@wren.example")
    changes = Changes(deadline=poll.deadline + HOUR, slots=[Span(late, late + HOUR)], invitees=[more])
    added = drafting.edit(session, poll, actor=world.acting(), changes=changes, now=world.now)
    assert len(slot_ids(session, poll)) == len(people(session, poll)) == 4
    assert added == [people(session, poll)[-1].poll_invitee_id]
    assert poll.version == 2
    assert log(session) == ["created", "edited"]


def test_an_edit_on_an_old_page_is_told_who_was_first(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    hold(session, world, poll)
    with pytest.raises(Stale, match="Lena Fischer held a time"):
        drafting.edit(
            session,
            poll,
            actor=world.acting(world.manager),
            changes=Changes(deadline=poll.deadline + HOUR),
            now=world.now,
            expected_version=1,
        )


# ---- votes


def test_votes_can_be_changed_until_the_deadline(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    clara = people(session, poll)[0]
    cast(session, poll, clara, [YES, NO, MAYBE], world.now)
    cast(session, poll, clara, [NO, YES, None], poll.deadline - timedelta(seconds=1))
    votes = session.execute(sa.select(PollVote.vote).order_by(PollVote.poll_slot_id)).scalars().all()
    assert votes == [NO, YES]
    with pytest.raises(NotAllowed):
        cast(session, poll, clara, [YES], poll.deadline)


def test_no_vote_counts_once_a_time_is_held(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    hold(session, world, poll)
    with pytest.raises(NotAllowed):
        cast(session, poll, people(session, poll)[0], [YES], world.now + HOUR * 2)


def test_a_vote_for_another_polls_time_is_refused(session: Session, world: World) -> None:
    poll, other = make_poll(session, world), make_poll(session, world)
    with pytest.raises(Invalid):
        answering.vote(
            session,
            firm_id=poll.firm_id,
            poll_invitee_id=people(session, poll)[0].poll_invitee_id,
            votes={slot_ids(session, other)[0]: YES},
            now=world.now,
        )


def test_the_best_times_have_nobody_required_against_them(session: Session, world: World) -> None:
    poll = make_poll(session, world)
    clara, piet, yusuf = people(session, poll)
    cast(session, poll, clara, [YES, YES, MAYBE], world.now)
    cast(session, poll, piet, [NO, YES, YES], world.now)
    cast(session, poll, yusuf, [YES, NO, YES], world.now)
    page = polls.page(session, firm_id=poll.firm_id, poll_id=poll.poll_id, now=world.now)
    assert page.best(world.now) == {page.slots[2].poll_slot_id}
    assert page.tally(page.slots[2]) == (2, 1, 0)
    booking.book(
        session, actor=world.acting(), draft=draft(world, start=page.slots[2].start_time), now=world.now
    )
    page = polls.page(session, firm_id=poll.firm_id, poll_id=poll.poll_id, now=world.now)
    assert [slot.busy for slot in page.slots] == [False, False, True]
    assert page.best(world.now) == {page.slots[1].poll_slot_id}


# ---- holding


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


# ---- answers


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


# ---- ends


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


def test_times_that_touch_are_proposed_both(session: Session, world: World) -> None:
    first = spans(world, 1)[0]
    plan = replace(poll_draft(world), slots=[first, later(first, 60), later(first, -60)])
    assert (
        len(slot_ids(session, drafting.create(session, actor=world.acting(), draft=plan, now=world.now))) == 3
    )


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
