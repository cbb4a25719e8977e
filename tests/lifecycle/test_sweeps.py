"""The sweep: what it moves, what it writes, what it leaves alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.lifecycle import rows
from tests.lifecycle.due_rows import join, many
from webapp.lifecycle import appointments
from webapp.lifecycle.outcomes import COMPLETED_REASON
from webapp.lifecycle.sweeps import sweep, sweep_all
from webapp.models import Appointment, Firm, Poll, SweepHold
from webapp.queries import invariants, late_joins
from webapp.vocabulary import AttendanceSide, NoShowParty, OutcomePolicy, PollStatus, Status, SweepKind

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def run(session: Session, world: World, now: datetime, **how: Any) -> dict[SweepKind, int]:
    """Sweep the firm and give what was moved, by kind."""
    report = sweep(session, firm_id=world.firm.firm_id, now=now, **how)
    return {kind.kind: kind.moved for kind in report.kinds if kind.moved}


def fresh(session: Session, appointment: Appointment) -> Appointment:
    session.rollback()
    session.refresh(appointment)
    return appointment


def tracked(session: Session, world: World, start: datetime) -> Appointment:
    made = at_status(session, Status.CONFIRMED, world, start=start)
    session.execute(
        sa.update(Appointment).where(Appointment.appointment_id == made.appointment_id).values(tracked=True)
    )
    session.commit()
    session.refresh(made)
    return made


def test_a_meeting_is_completed_at_its_end_once_the_grace_is_over(session: Session, world: World) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    assert run(session, world, meeting.end_time + HOUR) == {}
    assert run(session, world, meeting.end_time + HOUR + MINUTE) == {SweepKind.COMPLETE: 1}
    assert rows.stamps(session, meeting) == {"completed_at": meeting.end_time}
    last = rows.history(session, meeting)[-1]
    assert last["reason"] == COMPLETED_REASON
    assert last["changed_by_id"] is None
    assert last["occurred_at"] == meeting.end_time
    assert last["changed_at"] == meeting.end_time + HOUR + MINUTE
    assert list(invariants.check(session)) == []


def test_a_second_sweep_moves_nothing(session: Session, world: World) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    later = meeting.end_time + 2 * HOUR
    run(session, world, later)
    before = rows.everything(session)
    assert run(session, world, later + MINUTE) == {}
    assert rows.everything(session) == before


@pytest.mark.parametrize(
    ("joined", "party"),
    [((), NoShowParty.BOTH), (("client",), NoShowParty.STAFF), (("staff",), NoShowParty.CLIENT)],
)
def test_a_tracked_meeting_becomes_the_no_show_that_the_facts_show(
    session: Session, world: World, joined: tuple[str, ...], party: NoShowParty
) -> None:
    meeting = tracked(session, world, world.now + DAY)
    for side in joined:
        join(session, world, meeting.appointment_id, AttendanceSide(side), meeting.start_time)
    session.commit()
    assert run(session, world, meeting.start_time + 30 * MINUTE) == {}
    assert run(session, world, meeting.start_time + 31 * MINUTE) == {SweepKind.NO_SHOW: 1}
    assert rows.stamps(session, meeting) == {
        "no_show_at": meeting.start_time + 30 * MINUTE,
        "no_show_party": party,
    }


def test_a_late_sweep_decides_what_a_punctual_one_would_have(session: Session, world: World) -> None:
    first = tracked(session, world, world.now + DAY)
    second = tracked(session, world, world.now + 2 * DAY)
    run(session, world, first.start_time + 31 * MINUTE)
    run(session, world, second.start_time + 9 * HOUR)
    ours, theirs = rows.row(session, first), rows.row(session, second)
    assert theirs["no_show_at"] - second.start_time == ours["no_show_at"] - first.start_time
    assert (ours["status"], ours["no_show_party"]) == (theirs["status"], theirs["no_show_party"])


def test_who_took_an_arrival_back_has_not_arrived(session: Session, world: World) -> None:
    meeting = tracked(session, world, world.now + DAY)
    at = meeting.start_time
    join(session, world, meeting.appointment_id, AttendanceSide.STAFF, at)
    join(session, world, meeting.appointment_id, AttendanceSide.CLIENT, at, withdrawn_at=at + MINUTE)
    session.commit()
    run(session, world, at + HOUR)
    assert fresh(session, meeting).no_show_party is NoShowParty.CLIENT


def test_a_late_join_is_no_less_a_no_show_to_a_late_sweep(session: Session, world: World) -> None:
    meeting = tracked(session, world, world.now + DAY)
    join(session, world, meeting.appointment_id, AttendanceSide.STAFF, meeting.start_time)
    join(session, world, meeting.appointment_id, AttendanceSide.CLIENT, meeting.start_time + 31 * MINUTE)
    session.commit()
    now = meeting.end_time + DAY
    assert run(session, world, now) == {SweepKind.NO_SHOW: 1}
    assert fresh(session, meeting).no_show_party is NoShowParty.CLIENT
    [late] = late_joins.listed(session, firm_id=world.firm.firm_id, now=now, correction_days=7)
    assert (late.brief.appointment_id, late.side) == (meeting.appointment_id, AttendanceSide.CLIENT)


def test_without_no_shows_a_late_join_completes_the_meeting(session: Session, world: World) -> None:
    meeting = tracked(session, world, world.now + DAY)
    session.execute(sa.update(Firm).values(no_show_policy=OutcomePolicy.OFF))
    join(session, world, meeting.appointment_id, AttendanceSide.STAFF, meeting.start_time)
    session.commit()
    assert run(session, world, meeting.end_time + 2 * HOUR) == {}
    join(session, world, meeting.appointment_id, AttendanceSide.CLIENT, meeting.start_time + 31 * MINUTE)
    session.commit()
    assert run(session, world, meeting.end_time + 3 * HOUR) == {SweepKind.COMPLETE: 1}


def test_missing_evidence_is_not_absence(session: Session, world: World) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    run(session, world, meeting.end_time + 2 * HOUR)
    assert fresh(session, meeting).status is Status.COMPLETED


@pytest.mark.parametrize("policy", [OutcomePolicy.SUGGEST, OutcomePolicy.OFF])
def test_a_policy_leaves_the_outcome_to_people(session: Session, world: World, policy: OutcomePolicy) -> None:
    plain = at_status(session, Status.CONFIRMED, world)
    seen = tracked(session, world, world.now + 2 * DAY)
    session.execute(sa.update(Firm).values(completion_policy=policy, no_show_policy=policy))
    session.commit()
    before = rows.everything(session)
    assert run(session, world, seen.end_time + 2 * HOUR) == {}
    assert rows.everything(session) == before
    assert plain.status is Status.CONFIRMED


def test_a_request_expires_at_its_start(session: Session, world: World) -> None:
    request = at_status(session, Status.REQUESTED, world)
    assert run(session, world, request.start_time) == {}
    assert run(session, world, request.start_time + MINUTE) == {SweepKind.EXPIRE: 1}
    assert rows.stamps(session, request)["cancelled_at"] == request.start_time
    assert rows.stamps(session, request)["cancellation_kind"] == "expired"


def test_an_unanswered_proposal_times_out_with_its_poll(session: Session, world: World) -> None:
    proposal = at_status(session, Status.AWAITING_CONFIRMATION, world)
    poll = Poll(
        firm_id=world.firm.firm_id,
        title="Year end",
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=world.staff.staff_user_id,
        deadline=world.now + DAY,
        status=PollStatus.HELD,
        appointment_id=proposal.appointment_id,
        created_by_id=world.staff.staff_user_id,
        created_at=world.now,
    )
    session.add(poll)
    session.commit()
    assert proposal.confirm_by is not None
    assert run(session, world, proposal.confirm_by) == {}
    assert run(session, world, proposal.confirm_by + MINUTE) == {SweepKind.TIME_OUT: 1}
    assert rows.stamps(session, proposal)["cancellation_kind"] == "timed_out"
    session.refresh(poll)
    assert (poll.status, poll.version) == (PollStatus.TIMED_OUT, 2)
    assert list(invariants.check(session)) == []


def one_by_one(session: Session, world: World, meetings: dict[str, Appointment], now: datetime) -> None:
    """The same steps by the functions that people's actions use."""
    system = world.system
    appointments.expire(session, meetings["expire"], actor=system, now=now)
    appointments.time_out(session, meetings["time_out"], actor=system, now=now)
    ended = meetings["complete"]
    appointments.complete(
        session, ended, actor=system, now=now, occurred_at=ended.end_time, reason=COMPLETED_REASON
    )
    missed = meetings["no_show"]
    appointments.mark_no_show(
        session,
        missed,
        actor=system,
        party=NoShowParty.BOTH,
        note="Had not joined 30 min after the start",
        occurred_at=missed.start_time + 30 * MINUTE,
        now=now,
    )
    session.commit()


def due_of_every_kind(session: Session, world: World) -> dict[str, Appointment]:
    start = world.now + DAY
    return {
        "expire": at_status(session, Status.REQUESTED, world, start=start),
        "time_out": at_status(session, Status.AWAITING_CONFIRMATION, world, start=start + HOUR),
        "complete": at_status(session, Status.CONFIRMED, world, start=start + 2 * HOUR),
        "no_show": tracked(session, world, start + 3 * HOUR),
    }


def test_it_writes_the_very_rows_that_the_single_steps_write(session: Session, world: World) -> None:
    other = make_world(session, slug="selby")
    ours, theirs = due_of_every_kind(session, world), due_of_every_kind(session, other)
    now = world.now + 2 * DAY
    assert len(run(session, world, now)) == 4
    one_by_one(session, other, theirs, now)
    own = {"firm_id", "appointment_id", "history_id", "outbox_event_id", "chain_id"} | {
        "appointment_type_id",
        "staff_user_id",
        "contact_id",
        "booked_by_id",
        "payload",
        "account_id",
        "changed_by_id",
        "entry_hash",
        "words_salt",
    }
    for name, here in ours.items():
        there = theirs[name]
        for read in (rows.history, rows.outbox):
            left = [{k: v for k, v in found.items() if k not in own} for found in read(session, here)]
            right = [{k: v for k, v in found.items() if k not in own} for found in read(session, there)]
            assert left == right, name
        payloads = [rows.outbox(session, meeting)[-1]["payload"] for meeting in (here, there)]
        for payload in payloads:
            assert payload.pop("appointment_id") == payload.pop("chain_id")
        assert payloads[0] == payloads[1], name
        same = [{k: v for k, v in rows.row(session, one).items() if k not in own} for one in (here, there)]
        assert same[0] == same[1], name
    assert list(invariants.check(session)) == []


def test_an_appointment_that_was_changed_meanwhile_is_left_alone(session: Session, world: World) -> None:
    from webapp.lifecycle import recording
    from webapp.lifecycle.recording_sets import Move
    from webapp.vocabulary import Action

    meeting = at_status(session, Status.CONFIRMED, world)
    old = Move(appointment_id=meeting.appointment_id, version=7, occurred_at=meeting.end_time)
    before = rows.everything(session)
    moved = recording.bulk_record(
        session,
        [old],
        action=Action.COMPLETE,
        source=Status.CONFIRMED,
        to=Status.COMPLETED,
        actor=world.system,
        now=world.now + 2 * DAY,
    )
    assert moved == []
    assert rows.everything(session) == before


def test_it_never_reaches_into_another_firm(session: Session, world: World) -> None:
    other = make_world(session, slug="selby")
    theirs = at_status(session, Status.CONFIRMED, other)
    assert run(session, world, world.now + 3 * DAY) == {}
    assert fresh(session, theirs).status is Status.CONFIRMED


def test_all_firms_are_swept_each_for_itself(session: Session, engine: Engine, world: World) -> None:
    other = make_world(session, slug="selby")
    for firm in (world, other):
        at_status(session, Status.CONFIRMED, firm)
    reports = sweep_all(lambda: Session(engine, execution_options={"write": True}), now=world.now + 3 * DAY)
    assert [(report.slug, report.moved) for report in reports] == [("marlow", 1), ("selby", 1)]


def test_a_dry_run_says_the_same_and_writes_nothing(session: Session, world: World) -> None:
    due_of_every_kind(session, world)
    before = rows.everything(session)
    now = world.now + 2 * DAY
    told = run(session, world, now, dry_run=True)
    assert rows.everything(session) == before
    assert run(session, world, now) == told


def test_it_moves_more_than_a_batch(session: Session, world: World) -> None:
    many(session, world, 60, last_end=world.now - 2 * HOUR)
    assert run(session, world, world.now, limit=25) == {SweepKind.COMPLETE: 60}
    assert list(invariants.check(session)) == []


def test_a_batch_costs_the_same_number_of_statements_whatever_its_size(
    session: Session, engine: Engine, world: World
) -> None:
    counts = []
    for size in (3, 90):
        many(session, world, size, last_end=world.now - 2 * HOUR)
        statements: list[str] = []

        def note(_c: Any, _cur: Any, text: str, *_more: Any, seen: list[str] = statements) -> None:
            seen.append(text)

        sa.event.listen(engine, "before_cursor_execute", note)
        assert run(session, world, world.now, limit=100) == {SweepKind.COMPLETE: size}
        sa.event.remove(engine, "before_cursor_execute", note)
        counts.append(len([text for text in statements if not text.startswith("BEGIN")]))
    assert counts[0] == counts[1]
    assert counts[0] <= 10  # one of them for rows that are older than their digests


def test_it_stops_between_two_batches_when_asked(session: Session, world: World) -> None:
    many(session, world, 60, last_end=world.now - 2 * HOUR)
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 2

    assert run(session, world, world.now, limit=20, stop=stop) == {SweepKind.COMPLETE: 40}


def test_no_hold_is_made_on_a_usual_day(session: Session, world: World) -> None:
    many(session, world, 100, last_end=world.now - 2 * HOUR)
    run(session, world, world.now)
    assert session.scalars(sa.select(SweepHold)).all() == []
