"""The set-based sweep against the rule applied one by one, and the plans by which it finds what is due."""

import random
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, World, make_world
from tests.lifecycle.due_rows import join, many
from webapp.lifecycle.outcomes import Decision, Facts, Meeting, Verdict, decide_outcome
from webapp.lifecycle.sweeps import due, sweep
from webapp.lifecycle.sweeps import plan as plans
from webapp.lifecycle.sweeps.plan import Plan
from webapp.models import Appointment, Attendance, Firm
from webapp.queries import invariants
from webapp.vocabulary import AttendanceSide, OutcomePolicy, Status, SweepKind

MINUTE = timedelta(minutes=1)
MEETINGS = 90


def scatter(session: Session, world: World, chance: random.Random) -> None:
    """A day of meetings and who came to them: early, in time, to the minute, late, never, or taken back."""
    ids = many(session, world, MEETINGS, last_end=world.now)
    starts = dict(
        session.execute(sa.select(Appointment.appointment_id, Appointment.start_time)).all()  # type: ignore[arg-type]
    )
    session.execute(
        sa.update(Appointment)
        .where(Appointment.appointment_id.in_([number for number in ids if chance.random() < 0.8]))
        .values(tracked=True)
    )
    for number in ids:
        for side in AttendanceSide:
            for _ in range(chance.choice((0, 0, 1, 1, 2))):
                at = starts[number] + chance.choice((-10, 0, 19, 20, 21, 40, 300)) * MINUTE
                gone = at + MINUTE if chance.random() < 0.15 else None
                join(session, world, number, side, at, withdrawn_at=gone)
    session.commit()


def one_by_one(session: Session, plan: Plan) -> dict[int, Decision]:
    """The rule on every meeting of the firm, with facts gathered row by row."""
    found = {}
    for meeting in session.scalars(sa.select(Appointment).where(Appointment.firm_id == plan.firm_id)):
        joined: dict[AttendanceSide, Any] = {}
        for fact in session.scalars(
            sa.select(Attendance)
            .where(Attendance.appointment_id == meeting.appointment_id, Attendance.withdrawn_at.is_(None))
            .order_by(Attendance.joined_at.desc())
        ):
            joined[fact.side] = fact.joined_at
        found[meeting.appointment_id] = decide_outcome(
            Meeting(start_time=meeting.start_time, end_time=meeting.end_time, tracked=meeting.tracked),
            Facts(
                client_joined_at=joined.get(AttendanceSide.CLIENT),
                staff_joined_at=joined.get(AttendanceSide.STAFF),
            ),
            plan.policy,
            plan.now,
        )
    session.rollback()
    return found


def test_the_sweep_does_what_the_rule_says_of_each(session: Session, world: World) -> None:
    chance = random.Random(20)
    decided = 0
    for turn in range(8):
        here = make_world(session, slug=f"firm{turn}")
        session.execute(
            sa.update(Firm)
            .where(Firm.firm_id == here.firm.firm_id)
            .values(
                no_show_after=20,
                complete_after=chance.choice((0, 15, 60)),
                completion_policy=chance.choice((OutcomePolicy.DECIDE, *OutcomePolicy)),
                no_show_policy=chance.choice((OutcomePolicy.DECIDE, *OutcomePolicy)),
            )
        )
        session.commit()
        scatter(session, here, chance)
        now = here.now - chance.randint(0, 10) * 60 * MINUTE
        expected = one_by_one(session, plans.load(session, firm_id=here.firm.firm_id, now=now))
        sweep(session, firm_id=here.firm.firm_id, now=now, limit=chance.choice((7, 500)))
        session.rollback()
        meetings = session.scalars(
            sa.select(Appointment)
            .where(Appointment.firm_id == here.firm.firm_id)
            .execution_options(populate_existing=True)
        ).all()
        for meeting in meetings:
            want = expected[meeting.appointment_id]
            if want.verdict is not Verdict.DECIDE:
                assert meeting.status is Status.CONFIRMED, want
                continue
            decided += 1
            assert (meeting.status, meeting.no_show_party) == (want.outcome, want.party)
            assert (meeting.completed_at or meeting.no_show_at) == want.occurred_at
    assert decided > MEETINGS
    assert list(invariants.check(session)) == []


# By status and start SQLite finds requests and tracked meetings just as well: what is live and past.
INDEXES = {
    SweepKind.COMPLETE: ("ix_appointment_due",),
    SweepKind.NO_SHOW: ("ix_appointment_tracked", "ix_appointment_status_start"),
    SweepKind.EXPIRE: ("ix_appointment_requested", "ix_appointment_status_start"),
    SweepKind.TIME_OUT: ("ix_appointment_awaiting",),
}


@pytest.fixture
def full(session: Session, world: World) -> World:
    """A firm with a lot behind it and ahead of it, and nothing due."""
    ahead = world.now + 60 * DAY
    many(session, world, 3000, last_end=world.now - DAY, status=Status.COMPLETED)
    for place, (status, tracked) in enumerate(
        [
            (Status.CONFIRMED, False),
            (Status.CONFIRMED, True),
            (Status.REQUESTED, False),
            (Status.AWAITING_CONFIRMATION, False),
        ]
    ):
        many(
            session,
            world,
            800,
            last_end=ahead + place * 10 * DAY,
            status=status,
            tracked=tracked,
            confirm_by=ahead if status is Status.AWAITING_CONFIRMATION else None,
        )
    session.execute(sa.text("ANALYZE"))
    session.commit()
    return world


@pytest.mark.parametrize("kind", SweepKind)
def test_what_is_due_is_found_by_its_index(session: Session, full: World, kind: SweepKind) -> None:
    plan = plans.load(session, firm_id=full.firm.firm_id, now=full.now)
    statement = due.select(plan, kind, Appointment.appointment_id).limit(100)
    told = plan_of(session, statement)
    assert any(name in told for name in INDEXES[kind]), told
    assert "Seq Scan on appointment" not in told
    assert "SCAN appointment" not in told


def plan_of(session: Session, statement: sa.Select[Any]) -> str:
    """How the database would go about it, with the very text and values that the driver gets."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cur: Any, text: str, parameters: Any, *_more: Any) -> None:
        sent.append((text, parameters))

    sa.event.listen(session.get_bind(), "before_cursor_execute", note)
    session.execute(statement).all()
    sa.event.remove(session.get_bind(), "before_cursor_execute", note)
    text, parameters = sent[-1]
    explain = "EXPLAIN " if session.get_bind().dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    rows = session.connection().exec_driver_sql(explain + text, parameters)
    return "\n".join(str(tuple(row)) for row in rows)


def test_with_nothing_due_it_only_reads(session: Session, full: World) -> None:
    statements: list[str] = []

    def note(_c: Any, _cur: Any, text: str, *_more: Any) -> None:
        statements.append(text.split(maxsplit=1)[0])

    sa.event.listen(session.get_bind(), "before_cursor_execute", note)
    sweep(session, firm_id=full.firm.firm_id, now=full.now)
    sa.event.remove(session.get_bind(), "before_cursor_execute", note)
    asked = [text for text in statements if text != "BEGIN"]
    assert asked == ["SELECT"] * 4
