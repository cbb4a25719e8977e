"""What waits for an answer: approve, decline, expire; confirm, time out."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, draft
from tests.lifecycle import rows
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.errors import Invalid, NotAllowed, SlotTaken, Stale
from webapp.models import Appointment
from webapp.vocabulary import Status

# Rules of the service, the same over any engine; test_transition_table.py takes every step on both.
pytestmark = pytest.mark.one_engine("sqlite")

SECOND = timedelta(seconds=1)


@pytest.fixture
def requested(session: Session, world: World) -> Appointment:
    return at_status(session, Status.REQUESTED, world)


@pytest.fixture
def proposed(session: Session, world: World) -> Appointment:
    """Waits for an answer until two hours before it starts."""
    plan = draft(world, confirm_by=world.now + DAY - timedelta(hours=2))
    return booking.propose(session, actor=world.acting(), draft=plan, now=world.now)


def test_approval_keeps_the_slot(session: Session, world: World, requested: Appointment) -> None:
    appointments.approve(session, requested, actor=world.acting(), now=world.now)
    with pytest.raises(SlotTaken):
        booking.book(
            session, actor=world.acting(), draft=draft(world, start=requested.start_time), now=world.now
        )


def test_a_second_approval_is_told_who_approved(
    session: Session, world: World, requested: Appointment
) -> None:
    appointments.approve(session, requested, actor=world.acting(world.manager), now=world.now)
    with pytest.raises(NotAllowed) as refusal:
        appointments.approve(session, requested, actor=world.acting(), now=world.now)
    assert refusal.value.sentence == (
        "It is confirmed: Daniel Osei approved it, Tue 13 Jan, 10:00. "
        "Reschedule, cancel or record its outcome instead."
    )
    assert len(rows.history(session, requested)) == len(rows.outbox(session, requested)) == 2


def test_a_decline_asks_for_a_reason(session: Session, world: World, requested: Appointment) -> None:
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        appointments.decline(session, requested, actor=world.acting(), reason=" ", now=world.now)
    assert refusal.value.field == "reason"
    assert rows.everything(session) == before


def test_a_declined_request_frees_the_slot(session: Session, world: World, requested: Appointment) -> None:
    appointments.decline(session, requested, actor=world.acting(), reason="Fully booked", now=world.now)
    plan = draft(world, start=requested.start_time)
    assert booking.book(session, actor=world.acting(), draft=plan, now=world.now).overbooked is False


def test_a_request_is_not_cancelled_but_declined(
    session: Session, world: World, requested: Appointment
) -> None:
    with pytest.raises(NotAllowed, match=r"Approve or decline it instead\."):
        appointments.cancel(
            session,
            requested,
            actor=world.client,
            reason="Ada is ill",
            cancelled_by="client",
            now=world.now,
        )


@pytest.mark.parametrize("early", [DAY, timedelta(0)])
def test_a_request_does_not_expire_before_its_start_has_passed(
    session: Session, world: World, requested: Appointment, early: timedelta
) -> None:
    before = rows.everything(session)
    with pytest.raises(NotAllowed, match=r"Expire opens "):
        appointments.expire(session, requested, actor=world.system, now=requested.start_time - early)
    assert rows.everything(session) == before


def test_a_request_expires_at_its_start_however_late_the_sweep(
    session: Session, world: World, requested: Appointment
) -> None:
    late = requested.start_time + 3 * DAY
    appointments.expire(session, requested, actor=world.system, now=late)
    written = rows.history(session, requested)[-1]
    assert rows.stamps(session, requested)["cancelled_at"] == requested.start_time == written["occurred_at"]
    assert (written["changed_at"], written["actor_kind"]) == (late, "system")


@pytest.mark.parametrize("early", [timedelta(hours=1), timedelta(0)])
def test_a_proposal_does_not_time_out_before_its_deadline_has_passed(
    session: Session, world: World, proposed: Appointment, early: timedelta
) -> None:
    with pytest.raises(NotAllowed, match=r"Time out opens .*, at the deadline\."):
        appointments.time_out(session, proposed, actor=world.system, now=proposed.confirm_by - early)


def test_a_proposal_times_out_at_its_deadline(session: Session, world: World, proposed: Appointment) -> None:
    deadline = proposed.confirm_by
    appointments.time_out(session, proposed, actor=world.system, now=deadline + SECOND)
    assert rows.stamps(session, proposed) == {
        "cancelled_at": deadline,
        "cancelled_by": "system",
        "cancellation_kind": "timed_out",
    }


def test_a_proposal_is_confirmed_by_hand_after_its_deadline_if_no_sweep_came(
    session: Session, world: World, proposed: Appointment
) -> None:
    appointments.confirm(session, proposed, actor=world.acting(), now=proposed.confirm_by + SECOND)
    assert proposed.status is Status.CONFIRMED


def test_the_sweep_that_comes_after_the_answer_changes_nothing(
    session: Session, world: World, proposed: Appointment
) -> None:
    seen = proposed.version
    appointments.confirm(session, proposed, actor=world.system, now=world.now)
    before = rows.everything(session)
    late = proposed.start_time
    with pytest.raises(Stale):
        appointments.time_out(session, proposed, actor=world.system, now=late, expected_version=seen)
    with pytest.raises(NotAllowed):
        appointments.time_out(session, proposed, actor=world.system, now=late)
    assert rows.everything(session) == before
