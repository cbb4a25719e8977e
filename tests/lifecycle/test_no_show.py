"""Marking a no-show and completing: from the start on, with the party, a note, and the time that is said."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.lifecycle import rows
from webapp.lifecycle.appointments import complete, mark_no_show
from webapp.lifecycle.errors import Invalid, NotAllowed
from webapp.models import Appointment
from webapp.vocabulary import NoShowParty, Status

# Rules of the service, the same over any engine; test_transition_table.py takes every step on both.
pytestmark = pytest.mark.one_engine("sqlite")

MINUTE = timedelta(minutes=1)


@pytest.fixture
def confirmed(session: Session, world: World) -> Appointment:
    """Starts tomorrow, Wednesday 14 January, at 10:00."""
    return at_status(session, Status.CONFIRMED, world)


@pytest.mark.parametrize(
    ("party", "reason"),
    [
        (NoShowParty.CLIENT, "Client didn’t show"),
        (NoShowParty.STAFF, "Staff didn’t show"),
        (NoShowParty.BOTH, "Both didn’t show"),
    ],
)
def test_the_party_is_kept_and_said(
    session: Session, world: World, confirmed: Appointment, party: NoShowParty, reason: str
) -> None:
    now = confirmed.start_time + 30 * MINUTE
    mark_no_show(session, confirmed, actor=world.acting(), party=party, now=now)
    assert rows.stamps(session, confirmed) == {"no_show_at": now, "no_show_party": party}
    assert rows.history(session, confirmed)[-1]["reason"] == confirmed.status_reason == reason
    assert rows.history(session, confirmed)[-1]["no_show_party"] == party


def test_a_note_follows_the_reason(session: Session, world: World, confirmed: Appointment) -> None:
    mark_no_show(
        session,
        confirmed,
        actor=world.acting(),
        party=NoShowParty.CLIENT,
        note=" Rang twice ",
        now=confirmed.end_time,
    )
    assert confirmed.status_reason == "Client didn’t show. Rang twice"


@pytest.mark.parametrize("early", [DAY, MINUTE, timedelta(microseconds=1)])
def test_nothing_is_recorded_before_the_start(
    session: Session, world: World, confirmed: Appointment, early: timedelta
) -> None:
    before, now = rows.everything(session), confirmed.start_time - early
    with pytest.raises(NotAllowed, match=r"^No-show opens .*10:00, when it starts\.$"):
        mark_no_show(session, confirmed, actor=world.acting(), party=NoShowParty.CLIENT, now=now)
    with pytest.raises(NotAllowed, match=r"^Complete opens .*10:00, when it starts\.$"):
        complete(session, confirmed, actor=world.acting(), now=now)
    assert rows.everything(session) == before


def test_a_no_show_is_recorded_at_the_very_start(
    session: Session, world: World, confirmed: Appointment
) -> None:
    mark_no_show(session, confirmed, actor=world.acting(), party=NoShowParty.CLIENT, now=confirmed.start_time)
    assert confirmed.status is Status.NO_SHOW


def test_it_is_completed_at_the_very_start(session: Session, world: World, confirmed: Appointment) -> None:
    complete(session, confirmed, actor=world.acting(), now=confirmed.start_time)
    assert rows.stamps(session, confirmed) == {"completed_at": confirmed.start_time}


def test_what_is_recorded_later_keeps_both_times(
    session: Session, world: World, confirmed: Appointment
) -> None:
    said, now = confirmed.start_time + 15 * MINUTE, confirmed.end_time + DAY
    mark_no_show(session, confirmed, actor=world.acting(), party=NoShowParty.BOTH, occurred_at=said, now=now)
    written = rows.history(session, confirmed)[-1]
    assert (written["occurred_at"], written["changed_at"]) == (said, now)
    assert rows.stamps(session, confirmed)["no_show_at"] == said


@pytest.mark.parametrize("shift", [-DAY, -MINUTE, 61 * MINUTE])
def test_the_time_it_is_said_for_lies_between_the_start_and_now(
    session: Session, world: World, confirmed: Appointment, shift: timedelta
) -> None:
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        mark_no_show(
            session,
            confirmed,
            actor=world.acting(),
            party=NoShowParty.CLIENT,
            occurred_at=confirmed.start_time + shift,
            now=confirmed.start_time + 60 * MINUTE,
        )
    assert refusal.value.field == "at"
    assert refusal.value.sentence == "Enter a time between the start, 10:00, and now, 11:00."
    assert rows.everything(session) == before


def test_the_sweep_completes_it_for_the_end_of_the_meeting(
    session: Session, world: World, confirmed: Appointment
) -> None:
    now = confirmed.end_time + 60 * MINUTE
    complete(
        session,
        confirmed,
        actor=world.system,
        now=now,
        occurred_at=confirmed.end_time,
        reason="Automatically marked as completed after meeting time",
    )
    written = rows.history(session, confirmed)[-1]
    assert rows.stamps(session, confirmed) == {"completed_at": confirmed.end_time}
    assert (written["changed_by_id"], written["actor_label"]) == (None, "the system")
    assert written["reason"] == "Automatically marked as completed after meeting time"


def test_a_second_outcome_is_refused_and_says_what_is_recorded(session: Session, world: World) -> None:
    done = at_status(session, Status.NO_SHOW, world)
    with pytest.raises(NotAllowed) as refusal:
        complete(session, done, actor=world.acting(), now=world.now)
    assert refusal.value.sentence == (
        "It is a no-show: Lena Fischer recorded a no-show, Mon 12 Jan, 10:30. Reason: “Client didn’t show” "
        "Book again, or ask a manager to correct the outcome."
    )
