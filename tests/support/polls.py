"""Polls for tests: made through the lifecycle, with three invitees in three zones."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.support.html import Page
from webapp.lifecycle.polls import answering, base, drafting
from webapp.lifecycle.polls.drafting import InviteeFacts, PollDraft, Span
from webapp.models import Poll, PollInvitee
from webapp.vocabulary import Vote

HOUR = timedelta(hours=1)
PEOPLE = (
    InviteeFacts(name="Clara Wren", email="clara@wren.example", timezone="Europe/Berlin"),
    InviteeFacts(name="Piet Wren", email="piet@wren.example", timezone="America/New_York"),
    InviteeFacts(name="Yusuf Amin", email="yusuf@wren.example", timezone="Asia/Tokyo", required=False),
)


def spans(world: World, count: int = 3) -> list[Span]:
    """Hour-long times on the days from the day after tomorrow on, at the world's hour."""
    starts = [world.now + DAY * (2 + number) for number in range(count)]
    return [Span(start, start + HOUR) for start in starts]


def poll_draft(world: World, *, slots: int = 3, invitees: Sequence[InviteeFacts] = PEOPLE) -> PollDraft:
    return PollDraft(
        title="Wren Trust, annual review",
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=world.staff.staff_user_id,
        deadline=world.now + DAY,
        slots=spans(world, slots),
        invitees=invitees,
        location="Room 4",
    )


def make_poll(
    session: Session, world: World, *, slots: int = 3, invitees: Sequence[InviteeFacts] = PEOPLE
) -> Poll:
    """An open poll of Lena's, committed; votes are taken for a day."""
    draft = poll_draft(world, slots=slots, invitees=invitees)
    poll = drafting.create(session, actor=world.acting(), draft=draft, now=world.now)
    session.commit()
    return poll


def people(session: Session, poll: Poll) -> list[PollInvitee]:
    return base.invitees_of(session, poll)


def slot_ids(session: Session, poll: Poll) -> list[int]:
    return [slot.poll_slot_id for slot in base.slots_of(session, poll)]


def cast(
    session: Session, poll: Poll, invitee: PollInvitee, votes: Sequence[Vote | None], now: datetime
) -> None:
    """One vote per time, in order; None leaves a time out."""
    ids = slot_ids(session, poll)
    given = {slot_id: vote for slot_id, vote in zip(ids, votes, strict=False) if vote}
    answering.vote(
        session,
        firm_id=poll.firm_id,
        poll_invitee_id=invitee.poll_invitee_id,
        votes=given,
        now=now,
    )


def faults(text: str) -> list[str]:
    """What no page may have; the token against forged requests is off in these tests."""
    return [fault for fault in Page(text).faults() if "csrf_token" not in fault]
