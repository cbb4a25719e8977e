"""Correcting an outcome: by a manager, with a reason, within the window, and the history shows both."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.lifecycle import rows
from webapp.lifecycle.appointments import correct
from webapp.lifecycle.errors import Forbidden, Invalid, NotAllowed
from webapp.models import Appointment
from webapp.vocabulary import NoShowParty, Status

# Rules of the service, the same over any engine; test_transition_table.py takes every step on both.
pytestmark = pytest.mark.one_engine("sqlite")

SECOND = timedelta(seconds=1)


def amend(
    session: Session,
    world: World,
    appointment: Appointment,
    to: Status = Status.NO_SHOW,
    party: NoShowParty | None = NoShowParty.CLIENT,
    *,
    reason: str = "Wrong line",
    after: timedelta = timedelta(0),
) -> None:
    """Correct it so long after its outcome was first recorded."""
    first = next(
        row for row in rows.history(session, appointment) if row["to_status"] in ("completed", "no_show")
    )
    correct(
        session,
        appointment,
        actor=world.acting(world.manager),
        to=to,
        party=party,
        reason=reason,
        now=first["changed_at"] + after,
    )


@pytest.fixture
def completed(session: Session, world: World) -> Appointment:
    return at_status(session, Status.COMPLETED, world)


@pytest.fixture
def missed(session: Session, world: World) -> Appointment:
    return at_status(session, Status.NO_SHOW, world, party=NoShowParty.CLIENT)


def test_a_completed_meeting_becomes_a_no_show(
    session: Session, world: World, completed: Appointment
) -> None:
    amend(session, world, completed)
    assert rows.stamps(session, completed) == {"no_show_at": completed.start_time, "no_show_party": "client"}
    assert [(row["action"], row["to_status"]) for row in rows.history(session, completed)] == [
        ("book", "confirmed"),
        ("complete", "completed"),
        ("correct", "no_show"),
    ]
    assert rows.outbox(session, completed)[-1]["event_type"] == "appointment.corrected"


def test_a_no_show_becomes_a_completed_meeting(session: Session, world: World, missed: Appointment) -> None:
    amend(session, world, missed, Status.COMPLETED, None, after=DAY)
    assert rows.stamps(session, missed) == {"completed_at": missed.end_time}


def test_a_meeting_that_still_runs_is_completed_now_not_later(
    session: Session, world: World, missed: Appointment
) -> None:
    amend(session, world, missed, Status.COMPLETED, None)
    assert rows.stamps(session, missed) == {"completed_at": missed.start_time + timedelta(minutes=30)}


def test_another_party_is_a_correction(session: Session, world: World, missed: Appointment) -> None:
    recorded = missed.no_show_at
    amend(session, world, missed, party=NoShowParty.STAFF)
    assert missed.no_show_at == recorded
    written = rows.history(session, missed)[-1]
    assert (written["from_status"], written["to_status"], written["no_show_party"]) == (
        "no_show",
        "no_show",
        "staff",
    )
    assert missed.no_show_party is NoShowParty.STAFF
    assert len(rows.outbox(session, missed)) == len(rows.history(session, missed)) == 3


def test_the_same_again_is_no_correction(
    session: Session, world: World, completed: Appointment, missed: Appointment
) -> None:
    for appointment, to in ((completed, Status.COMPLETED), (missed, Status.NO_SHOW)):
        with pytest.raises(Invalid) as refusal:
            amend(session, world, appointment, to)
        assert refusal.value.field == "outcome"


@pytest.mark.parametrize(
    "to", [status for status in Status if status not in (Status.COMPLETED, Status.NO_SHOW)]
)
def test_only_an_outcome_replaces_an_outcome(
    session: Session, world: World, completed: Appointment, to: Status
) -> None:
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        amend(session, world, completed, to)
    assert refusal.value.field == "outcome"
    assert rows.everything(session) == before


def test_it_asks_who_did_not_come(session: Session, world: World, completed: Appointment) -> None:
    with pytest.raises(Invalid) as refusal:
        amend(session, world, completed, party=None)
    assert refusal.value.field == "party"


def test_it_asks_for_a_reason(session: Session, world: World, completed: Appointment) -> None:
    with pytest.raises(Invalid) as refusal:
        amend(session, world, completed, reason=" ")
    assert refusal.value.field == "reason"


def test_staff_ask_a_manager(session: Session, world: World, completed: Appointment) -> None:
    with pytest.raises(Forbidden, match="Ask a manager"):
        correct(
            session,
            completed,
            actor=world.acting(),
            to=Status.NO_SHOW,
            party=NoShowParty.CLIENT,
            reason="Wrong line",
            now=world.now,
        )


def test_the_window_ends_to_the_second(session: Session, world: World, completed: Appointment) -> None:
    amend(session, world, completed, after=7 * DAY - SECOND)
    with pytest.raises(NotAllowed, match=r"for 7 days after it was recorded, Mon 12 Jan 2026, 10:45\."):
        amend(session, world, completed, Status.COMPLETED, None, after=7 * DAY)


def test_a_correction_does_not_prolong_the_window(
    session: Session, world: World, completed: Appointment
) -> None:
    amend(session, world, completed, after=6 * DAY)
    with pytest.raises(NotAllowed):
        amend(session, world, completed, Status.COMPLETED, None, after=8 * DAY)


def test_a_window_of_no_days_allows_none(session: Session, world: World, completed: Appointment) -> None:
    world.firm.correction_days = 0
    with pytest.raises(NotAllowed, match="does not allow corrections"):
        amend(session, world, completed)
    assert len(rows.history(session, completed)) == 2


def test_a_longer_window_is_the_firms_to_give(session: Session, world: World, completed: Appointment) -> None:
    world.firm.correction_days = 30
    amend(session, world, completed, after=29 * DAY)
    assert completed.status is Status.NO_SHOW
