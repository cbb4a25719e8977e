"""Polls at the demo firm: one open, with votes from three zones, one that holds a time, and those before."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from webapp.demo.calendar import Place
from webapp.demo.stories import MINUTE, Story, Teller
from webapp.lifecycle.polls import answering, base, drafting, holding
from webapp.lifecycle.polls.drafting import InviteeFacts, PollDraft, Span
from webapp.models import Appointment, Poll, PollInvitee
from webapp.vocabulary import Answer, Vote

HOUR = timedelta(hours=1)
TO_ANSWER = 48 * HOUR
OKAFOR = (
    InviteeFacts(name="Amara Okafor", email="amara.okafor@example.com"),
    InviteeFacts(name="Hana Suzuki", email="hana.suzuki@example.com"),
    InviteeFacts(name="Florence Whitcombe", email="florence.whitcombe@example.com", timezone="Europe/London"),
    InviteeFacts(name="Rachel Stein", email="rachel.stein@example.com", required=False),
)
ALMSHOUSES = (
    InviteeFacts(name="Margaret Sutherland", email="margaret.sutherland@example.com"),
    InviteeFacts(name="Arthur Pemberton", email="arthur.pemberton@example.com"),
    InviteeFacts(name="Dorothy Hale", email="dorothy.hale@example.com", required=False),
)
VOTES = (
    (Vote.YES, Vote.NO, Vote.IF_NEED_BE),
    (Vote.IF_NEED_BE, Vote.YES, Vote.YES),
    (Vote.YES, Vote.YES, Vote.NO),
)
BEFORE = (
    "Okafor Family Office: half-year figures",
    "St Aldhelm’s Almshouses: budget",
    "Okafor Family Office: letting of the mews",
    "St Aldhelm’s Almshouses: trustees’ election",
)
"""Polls of the past, the oldest first; the last but one found nobody to accept in time."""
COMMENT = "Mornings in London are the middle of the night here; the last one would do."


def invited(title: str) -> Sequence[InviteeFacts]:
    """Who is asked in the poll of this title; the appointment is with the first."""
    return OKAFOR if title.startswith("Okafor") else ALMSHOUSES


def opened(teller: Teller, places: Sequence[Place], title: str) -> Story:
    """Three have voted, one has not."""
    rng, made = _dice(teller, places)
    yield made
    poll = _make(teller, places, title, made, teller.desk.calendar.now + 26 * HOUR)
    yield from _votes(teller, poll, made, rng)


def held(teller: Teller, places: Sequence[Place], title: str) -> Story:
    """All have voted, a time is held, and one has accepted it."""
    rng, made = _dice(teller, places)
    now = teller.desk.calendar.now
    yield made
    poll = _make(teller, places, title, made, now + 40 * HOUR)
    yield from _votes(teller, poll, made, rng)
    picked = max(made + MINUTE, now - 5 * HOUR)
    yield picked
    _hold(teller, poll, picked)
    accepted = max(picked + MINUTE, now - 50 * MINUTE)
    yield accepted
    _accept(teller, poll, _invitees(teller, poll)[0], accepted)


def over(teller: Teller, places: Sequence[Place], title: str, *, accepted: bool) -> Story:
    """A poll of the past: all accepted the held time and came, or one did not answer and it ran out."""
    rng = teller.dice(places[0])
    calendar = teller.desk.calendar
    made = calendar.at_work(calendar.working_day(places[0].day, -8), rng)
    yield made
    poll = _make(teller, places, title, made, made + 48 * HOUR)
    yield from _votes(teller, poll, made, rng)
    picked = made + 50 * HOUR
    yield picked
    appointment = _hold(teller, poll, picked)
    moment = picked
    required = [invitee for invitee in _invitees(teller, poll) if invitee.required]
    for invitee in required if accepted else required[:-1]:
        moment += MINUTE * rng.randint(20, 400)
        yield moment
        _accept(teller, poll, invitee, moment)
    if accepted:
        yield from teller.completed(appointment, places[0], rng)
        return
    late = picked + TO_ANSWER + 5 * MINUTE
    yield late
    teller.desk.time_out(appointment, late)


def _hold(teller: Teller, poll: Poll, now: datetime) -> Appointment:
    """The first of the times is held."""
    session, front = teller.desk.session, teller.desk.front()
    slot = base.slots_of(session, poll)[0]
    deadline = min(now + TO_ANSWER, slot.start_time)
    return holding.hold(
        session, poll, poll_slot_id=slot.poll_slot_id, actor=front, now=now, confirm_by=deadline
    )


def _accept(teller: Teller, poll: Poll, invitee: PollInvitee, now: datetime) -> None:
    session = teller.desk.session
    answering.answer(
        session,
        firm_id=poll.firm_id,
        poll_invitee_id=invitee.poll_invitee_id,
        poll_slot_id=base.slots_of(session, poll)[0].poll_slot_id,
        given=Answer.ACCEPTED,
        now=now,
    )


def _dice(teller: Teller, places: Sequence[Place]) -> tuple[random.Random, datetime]:
    """Made on the working day before yesterday's close, so that there was time to vote."""
    rng = teller.dice(places[0])
    calendar = teller.desk.calendar
    return rng, calendar.at_work(calendar.working_day(calendar.today, -2), rng)


def _make(
    teller: Teller,
    places: Sequence[Place],
    title: str,
    made: datetime,
    deadline: datetime,
) -> Poll:
    draft = PollDraft(
        title=title,
        appointment_type_id=teller.desk.kinds[places[0].kind],
        staff_user_id=teller.desk.staff[places[0].staff].staff_user_id,
        deadline=deadline.replace(minute=0, second=0, microsecond=0),
        slots=[Span(place.start, place.end) for place in places],
        invitees=invited(title),
        location=teller.desk.location(places[0]),
    )
    return drafting.create(teller.desk.session, actor=teller.desk.front(), draft=draft, now=made)


def _votes(teller: Teller, poll: Poll, made: datetime, rng: random.Random) -> Story:
    moment = made
    voters = _invitees(teller, poll)[:3]
    slots = [slot.poll_slot_id for slot in base.slots_of(teller.desk.session, poll)]
    for number, (invitee, given) in enumerate(zip(voters, VOTES, strict=True)):
        moment += MINUTE * rng.randint(25, 190)
        yield moment
        answering.vote(
            teller.desk.session,
            firm_id=poll.firm_id,
            poll_invitee_id=invitee.poll_invitee_id,
            votes=dict(zip(slots, given, strict=False)),
            comment=COMMENT if number == 1 else "",
            now=moment,
        )


def _invitees(teller: Teller, poll: Poll) -> list[PollInvitee]:
    return base.invitees_of(teller.desk.session, poll)
