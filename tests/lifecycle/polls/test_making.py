"""Polls are made, edited and voted on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_world
from tests.lifecycle.polls.conftest import MAYBE, NO, YES, hold, later, log
from tests.support.polls import HOUR, PEOPLE, cast, make_poll, people, poll_draft, slot_ids, spans
from webapp.lifecycle import booking
from webapp.lifecycle.errors import Forbidden, Invalid, Missing, NotAllowed, Stale
from webapp.lifecycle.polls import answering, base, drafting
from webapp.lifecycle.polls.drafting import Changes, InviteeFacts, PollDraft, Span
from webapp.models import PollVote
from webapp.queries import polls
from webapp.vocabulary import PollStatus

Change = Callable[[World, PollDraft], PollDraft]


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


def test_times_that_touch_are_proposed_both(session: Session, world: World) -> None:
    first = spans(world, 1)[0]
    plan = replace(poll_draft(world), slots=[first, later(first, 60), later(first, -60)])
    assert (
        len(slot_ids(session, drafting.create(session, actor=world.acting(), draft=plan, now=world.now))) == 3
    )
