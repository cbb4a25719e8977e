"""What an invitee does through a personal link: vote, answer to the held time, choose a zone."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import appointments
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Invalid, Missing, NotAllowed, Stale
from webapp.lifecycle.polls import base
from webapp.lifecycle.text import prose
from webapp.localtime import zone_names
from webapp.models import Poll, PollInvitee, PollVote
from webapp.vocabulary import Answer, PollStatus, Vote

COMMENT_LENGTH = 500


def vote(
    session: Session,
    *,
    firm_id: int,
    poll_invitee_id: int,
    votes: Mapping[int, Vote],
    comment: str = "",
    now: datetime,
) -> None:
    """Keep what an invitee says of the times, by slot id; whatever was said before is replaced.

    Raises:
        NotAllowed: the deadline has passed, a time is held, or the poll is over.
        Invalid: no vote at all, or one for a time of another poll.
    """
    poll, invitee = _load(session, firm_id, poll_invitee_id)
    if poll.status is not PollStatus.OPEN or now >= poll.deadline:
        raise NotAllowed("Voting has closed, so your reply was not changed.")
    slots = {slot.poll_slot_id for slot in base.slots_of(session, poll)}
    if not votes.keys() <= slots:
        raise Invalid("Choose among the times on this page.", field="votes")
    if not votes:
        raise Invalid("Choose yes, if need be or no for at least one time.", field="votes")
    invitee.comment = prose(comment, COMMENT_LENGTH, "comment")
    invitee.voted_at = now
    mine = (PollVote.firm_id == firm_id, PollVote.poll_invitee_id == poll_invitee_id)
    session.execute(sa.delete(PollVote).where(*mine))
    session.execute(
        sa.insert(PollVote),
        [
            {
                "firm_id": firm_id,
                "poll_slot_id": slot_id,
                "poll_invitee_id": poll_invitee_id,
                "vote": chosen,
            }
            for slot_id, chosen in votes.items()
        ],
    )
    session.flush()


def answer(
    session: Session,
    *,
    firm_id: int,
    poll_invitee_id: int,
    poll_slot_id: int,
    given: Answer,
    now: datetime,
) -> bool:
    """Accept or decline the held time, ``poll_slot_id`` as the invitee saw it.

    When every required invitee has accepted, the system confirms the appointment, and the poll with it.

    Returns:
        Whether that made it confirmed.

    Raises:
        NotAllowed: nothing is held, the deadline for answers has passed, or the poll is over.
        Stale: another time is held by now.
    """
    poll, invitee = _load(session, firm_id, poll_invitee_id)
    if poll.status is PollStatus.CONFIRMED and invitee.answer is given:
        return False  # the same answer once more, after it has had its effect
    if poll.status is not PollStatus.HELD:
        raise NotAllowed("This cannot be answered any more, so nothing was changed.")
    appointment = base.held(session, poll)
    held = {slot.start_time: slot.poll_slot_id for slot in base.slots_of(session, poll)}
    if held.get(appointment.start_time) != poll_slot_id:
        raise Stale("Another time is proposed by now, so your answer was not kept. Answer this one.")
    if appointment.confirm_by is not None and now > appointment.confirm_by:
        raise NotAllowed("The time for answers has passed, so nothing was changed.")
    if invitee.answer is given:
        return False
    invitee.answer, invitee.answered_at = given, now
    session.flush()
    actor = Actor.of_client(firm_id, invitee.name)
    base.note(session, poll, actor=actor, action=given.value, now=now)
    required = [one for one in base.invitees_of(session, poll) if one.required]
    if any(one.answer is not Answer.ACCEPTED for one in required):
        return False
    appointments.confirm(session, appointment, actor=Actor.system(firm_id), now=now)
    return True


def choose_zone(session: Session, *, firm_id: int, poll_invitee_id: int, timezone: str) -> None:
    """Remember in which zone the invitee reads times (Invalid for one that there is not)."""
    _poll, invitee = _load(session, firm_id, poll_invitee_id)
    if timezone not in zone_names():
        raise Invalid("Choose a time zone from the list.", field="timezone")
    invitee.timezone = timezone
    session.flush()


def _load(session: Session, firm_id: int, poll_invitee_id: int) -> tuple[Poll, PollInvitee]:
    """The poll under its lock, so that votes and answers come one after another, then the invitee, fresh."""
    poll_id = session.scalar(
        sa.select(PollInvitee.poll_id).where(
            PollInvitee.firm_id == firm_id, PollInvitee.poll_invitee_id == poll_invitee_id
        )
    )
    if poll_id is None:
        raise Missing("There is no such invitee.")
    poll = base.get(session, firm_id=firm_id, poll_id=poll_id)
    invitee = session.get_one(PollInvitee, poll_invitee_id, populate_existing=True)
    return poll, invitee
