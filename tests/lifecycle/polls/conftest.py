"""What the tests of polls share: a hold, a reply, and what the history and the log tell."""

from datetime import timedelta

from sqlalchemy.orm import Session

from tests.factories import World
from tests.lifecycle import rows
from tests.support.polls import HOUR, people, slot_ids
from webapp.lifecycle.polls import answering, holding
from webapp.lifecycle.polls.drafting import Span
from webapp.models import Appointment, Poll
from webapp.queries import invariants
from webapp.vocabulary import Answer, Vote

YES, MAYBE, NO = Vote.YES, Vote.IF_NEED_BE, Vote.NO


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


def log(session: Session) -> list[str]:
    return [row["action"] for row in rows.audit(session) if row["subject"] == "poll"]


def sound(session: Session) -> None:
    session.commit()
    assert list(invariants.check(session)) == []
