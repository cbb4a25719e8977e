"""Random lives of appointments, lived through the lifecycle, and what became of them told the slow way."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, draft
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, AppointmentStatusHistory, AppointmentType, Firm
from webapp.queries.analytics.classes import Fate
from webapp.queries.analytics.cohort import Scope
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Status

FIRST = datetime(2026, 3, 16, tzinfo=UTC)
"""Two weeks before London's clocks go forward."""
MINUTE = timedelta(minutes=1)
GIVEN_UP = (Action.CANCEL, Status.AWAITING_CONFIRMATION)


def live(session: Session, world: World, chance: random.Random, count: int, first: datetime = FIRST) -> None:
    """So many bookings over four weeks, each with a life of its own; committed."""
    kinds = [
        world.kind,
        AppointmentType(
            firm_id=world.firm.firm_id, name="Signing", duration=30, cancel_notice=72 * 60, created_at=first
        ),
    ]
    session.add(kinds[1])
    world.firm.cancel_notice = 24 * 60
    session.flush()
    for place in range(count):
        start = first + chance.randrange(28 * 24 * 4) * 15 * MINUTE + 2 * DAY
        made = start - chance.choice((2, 20, 30, 100, 300, 900)) * timedelta(hours=1)
        plan = draft(
            world,
            start=start,
            staff_user=chance.choice((world.staff, world.staff2, world.manager)),
            confirm_by=start - timedelta(hours=1),
            double_book=True,
        )
        kind = chance.choice(kinds).appointment_type_id
        plan = replace(plan, appointment_type_id=kind, reason=f"story {place}")
        _life(session, world, chance, plan, made)
    session.commit()


def _life(session: Session, world: World, chance: random.Random, plan: booking.Draft, made: datetime) -> None:
    boss = world.acting(world.manager)
    begin = chance.choice((booking.request, booking.propose, booking.book, booking.book, booking.book))
    one = begin(session, actor=boss, draft=plan, now=made)
    now = made + MINUTE
    if one.status is Status.REQUESTED:
        now = _answer(session, world, chance, one, now)
    elif one.status is Status.AWAITING_CONFIRMATION:
        now = _confirm(session, world, chance, one, now)
    moves = 0
    while one.status is Status.CONFIRMED and moves < 4 and chance.random() < 0.35:
        start = one.start_time + chance.choice((1, 2, 9)) * DAY
        slot = NewSlot(start_time=start, end_time=start + LENGTH, double_book=True)
        one = appointments.reschedule(
            session, one, actor=boss, slot=slot, reason="moved", now=min(now, one.start_time - MINUTE)
        )
        moves, now = moves + 1, now + MINUTE
    if one.status is Status.CONFIRMED:
        _end(session, world, chance, one, now)


def _answer(
    session: Session, world: World, chance: random.Random, one: Appointment, now: datetime
) -> datetime:
    match chance.choice(("approve", "approve", "decline", "expire", "wait")):
        case "approve":
            appointments.approve(session, one, actor=world.acting(), now=now)
        case "decline":
            appointments.decline(session, one, actor=world.acting(), reason="Full", now=now)
        case "expire":
            appointments.expire(session, one, actor=world.system, now=one.start_time + MINUTE)
    return now + MINUTE


def _confirm(
    session: Session, world: World, chance: random.Random, one: Appointment, now: datetime
) -> datetime:
    match chance.choice(("confirm", "confirm", "confirm", "time out", "give up", "give up", "wait")):
        case "confirm":
            appointments.confirm(session, one, actor=world.acting(), now=now)
        case "time out":
            appointments.time_out(session, one, actor=world.system, now=one.start_time)
        case "give up":
            side = chance.choice((CancelledBy.CLIENT, CancelledBy.STAFF))
            appointments.cancel(
                session, one, actor=world.acting(), reason="Held another", cancelled_by=side, now=now
            )
    return now + MINUTE


def _end(session: Session, world: World, chance: random.Random, one: Appointment, now: datetime) -> None:
    boss, after = world.acting(world.manager), one.end_time + chance.choice((1, 30, 3000)) * MINUTE
    match chance.choice(("complete", "complete", "complete", "auto", "no-show", "no-show", "cancel", "stay")):
        case "complete":
            appointments.complete(session, one, actor=boss, now=after)
        case "auto":
            appointments.complete(session, one, actor=world.system, now=after)
        case "no-show":
            party = chance.choice(list(NoShowParty))
            appointments.mark_no_show(session, one, actor=boss, party=party, now=after)
        case "cancel":
            early = max(now, one.start_time - chance.choice((1, 20, 30, 80, 200)) * timedelta(hours=1))
            appointments.cancel(
                session,
                one,
                actor=boss,
                reason="Off",
                cancelled_by=chance.choice((CancelledBy.CLIENT, CancelledBy.STAFF)),
                now=early,
            )
        case _:
            return
    if one.status in (Status.COMPLETED, Status.NO_SHOW) and chance.random() < 0.2:
        to = Status.NO_SHOW if one.status is Status.COMPLETED else Status.COMPLETED
        party_after = NoShowParty.STAFF if to is Status.NO_SHOW else None
        appointments.correct(
            session, one, actor=boss, to=to, party=party_after, reason="Wrong", now=after + 5 * MINUTE
        )


@dataclass
class Told:
    """One appointment as the history, read to an instant, tells it."""

    appointment: Appointment
    rows: list[AppointmentStatusHistory]
    fate: Fate
    ended_at: datetime | None

    @property
    def last(self) -> AppointmentStatusHistory:
        return self.rows[-1]


def tell(session: Session, firm: Firm, now: datetime) -> list[Told]:
    """Every appointment of the firm that was on record by ``now``, one after the other."""
    found = []
    for one in session.scalars(sa.select(Appointment).where(Appointment.firm_id == firm.firm_id)):
        rows = [row for row in one.status_history if row.changed_at <= now]
        if rows:
            found.append(_told(one, rows, firm, now))
    return found


def _told(one: Appointment, rows: list[AppointmentStatusHistory], firm: Firm, now: datetime) -> Told:
    last = rows[-1]
    match last.to_status:
        case Status.CONFIRMED:
            name = "UNRECORDED" if one.end_time <= now else "UPCOMING"
        case Status.AWAITING_CONFIRMATION:
            name = "AWAITING"
        case Status.NO_SHOW:
            assert last.no_show_party is not None
            name = f"NO_SHOW_{last.no_show_party.name}"
        case Status.CANCELLED if (last.action, last.from_status) == GIVEN_UP:
            name = "WITHDRAWN"
        case Status.CANCELLED if last.action is Action.CANCEL:
            assert last.cancelled_by is not None
            notice = one.appointment_type.cancel_notice
            notice = firm.cancel_notice if notice is None else notice
            hurried = (one.start_time - last.occurred_at).total_seconds() < notice * 60
            name = f"CANCELLED_{last.cancelled_by.name}{'_LATE' if hurried else ''}"
            name = "CANCELLED_AHEAD" if one.start_time > now else name
        case Status.CANCELLED:
            name = {"decline": "DECLINED", "expire": "EXPIRED", "time_out": "TIMED_OUT"}[last.action.value]
        case other:
            name = other.name
    gone = last.occurred_at if last.to_status in (Status.CANCELLED, Status.RESCHEDULED) else None
    return Told(one, rows, Fate[name], gone)


def within(told: list[Told], scope: Scope) -> list[Told]:
    """Those of the scope, sifted in Python."""
    return [
        each
        for each in told
        if scope.since <= each.appointment.start_time < scope.before
        and scope.staff_user_id in (None, each.appointment.staff_user_id)
        and scope.appointment_type_id in (None, each.appointment.appointment_type_id)
        and scope.account_id in (None, each.appointment.account_id)
        and scope.tracked in (None, each.appointment.tracked)
    ]


def counted(told: list[Told], key: Callable[[Told], object]) -> dict[object, Counter[Fate]]:
    """Classes by a key."""
    found: dict[object, Counter[Fate]] = {}
    for each in told:
        found.setdefault(key(each), Counter())[each.fate] += 1
    return found


def day(told: Told) -> date:
    """By the firm's calendar."""
    return _local(told).date()


def weekday_and_hour(told: Told) -> tuple[int, int]:
    """By the firm's clock, Monday is 0."""
    return _local(told).weekday(), _local(told).hour


def offset(told: Told) -> timedelta | None:
    """Of the firm's clock at the start."""
    return _local(told).utcoffset()


def _local(told: Told) -> datetime:
    return told.appointment.start_time.astimezone(ZoneInfo(told.appointment.firm.timezone))
