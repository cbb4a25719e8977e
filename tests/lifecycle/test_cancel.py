"""Cancelling: the reason, the side, and the notice that binds clients but not the desk."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import World, at_status, draft
from tests.lifecycle import rows
from webapp.lifecycle import booking
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import cancel
from webapp.lifecycle.errors import Invalid, LimitReached, Stale
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy, Status

# Rules of the service, the same over any engine; test_transition_table.py takes every step on both.
pytestmark = pytest.mark.one_engine("sqlite")

HOUR = timedelta(hours=1)


@pytest.fixture
def confirmed(session: Session, world: World) -> Appointment:
    return at_status(session, Status.CONFIRMED, world)


def by(session: Session, world: World, appointment: Appointment, actor: Actor, *, before: timedelta) -> None:
    """Cancel so long before the start."""
    cancel(
        session,
        appointment,
        actor=actor,
        reason="Ada is ill",
        cancelled_by=CancelledBy.STAFF,
        now=appointment.start_time - before,
    )


@pytest.mark.parametrize("reason", ["", "   ", "\n\t"])
def test_it_asks_for_a_reason(session: Session, world: World, confirmed: Appointment, reason: str) -> None:
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        cancel(
            session,
            confirmed,
            actor=world.acting(),
            reason=reason,
            cancelled_by=CancelledBy.STAFF,
            now=world.now,
        )
    assert refusal.value.field == "reason"
    assert rows.everything(session) == before


def test_it_asks_on_whose_side(session: Session, world: World, confirmed: Appointment) -> None:
    with pytest.raises(Invalid) as refusal:
        cancel(
            session,
            confirmed,
            actor=world.acting(),
            reason="Ada is ill",
            cancelled_by=CancelledBy.SYSTEM,
            now=world.now,
        )
    assert refusal.value.field == "cancelled_by"


@pytest.mark.parametrize("side", [CancelledBy.CLIENT, CancelledBy.STAFF])
def test_staff_say_on_whose_side(
    session: Session, world: World, confirmed: Appointment, side: CancelledBy
) -> None:
    cancel(session, confirmed, actor=world.acting(), reason="Ada is ill", cancelled_by=side, now=world.now)
    assert rows.stamps(session, confirmed) == {
        "cancelled_at": world.now,
        "cancelled_by": side,
        "cancellation_kind": "cancelled",
    }
    assert rows.history(session, confirmed)[-1]["cancelled_by"] == side


def test_a_client_cancels_for_the_client(session: Session, world: World, confirmed: Appointment) -> None:
    by(session, world, confirmed, world.client, before=HOUR)
    assert confirmed.cancelled_by is CancelledBy.CLIENT
    assert rows.history(session, confirmed)[-1]["actor_kind"] == "client"


def test_the_slot_is_free_again(session: Session, world: World, confirmed: Appointment) -> None:
    by(session, world, confirmed, world.acting(), before=HOUR)
    again = booking.book(
        session, actor=world.acting(), draft=draft(world, start=confirmed.start_time), now=world.now
    )
    assert (again.status, again.overbooked) == (Status.CONFIRMED, False)


def test_the_notice_binds_a_client(session: Session, world: World, confirmed: Appointment) -> None:
    world.firm.cancel_notice = 120
    before = rows.everything(session)
    with pytest.raises(LimitReached, match=r"Cancelling needs 2 h notice\. Call the firm instead\."):
        by(session, world, confirmed, world.client, before=2 * HOUR - timedelta(seconds=1))
    assert rows.everything(session) == before


def test_exactly_the_notice_is_enough(session: Session, world: World, confirmed: Appointment) -> None:
    world.firm.cancel_notice = 120
    by(session, world, confirmed, world.client, before=2 * HOUR)
    assert rows.history(session, confirmed)[-1]["overrides"] is None


def test_staff_go_past_the_notice_and_the_history_says_so(
    session: Session, world: World, confirmed: Appointment
) -> None:
    world.firm.cancel_notice = 120
    by(session, world, confirmed, world.acting(), before=HOUR)
    assert rows.history(session, confirmed)[-1]["overrides"] == "cancel_notice"


@pytest.mark.parametrize(("of_type", "refused"), [(0, False), (30, False), (None, True), (240, True)])
def test_the_type_goes_before_the_firm(
    session: Session, world: World, confirmed: Appointment, of_type: int | None, refused: bool
) -> None:
    world.firm.cancel_notice = 120
    world.kind.cancel_notice = of_type
    if refused:
        with pytest.raises(LimitReached):
            by(session, world, confirmed, world.client, before=HOUR)
    else:
        by(session, world, confirmed, world.client, before=HOUR)
        assert confirmed.status is Status.CANCELLED


@pytest.mark.parametrize("notice", [0, 120])
def test_a_client_does_not_cancel_a_meeting_that_has_begun(
    session: Session, world: World, confirmed: Appointment, notice: int
) -> None:
    world.firm.cancel_notice = notice
    with pytest.raises(LimitReached, match=r"This meeting has begun\. Call the firm instead\."):
        by(session, world, confirmed, world.client, before=timedelta(0))


def test_staff_cancel_a_meeting_that_has_begun(
    session: Session, world: World, confirmed: Appointment
) -> None:
    by(session, world, confirmed, world.acting(), before=-HOUR)
    assert rows.history(session, confirmed)[-1]["overrides"] is None


def test_an_old_page_is_told_who_was_first(session: Session, world: World, confirmed: Appointment) -> None:
    seen = confirmed.version
    by(session, world, confirmed, world.acting(world.manager), before=24 * HOUR)
    with pytest.raises(Stale) as refusal:
        cancel(
            session,
            confirmed,
            actor=world.acting(),
            reason="Lena is ill",
            cancelled_by=CancelledBy.STAFF,
            now=world.now,
            expected_version=seen,
        )
    sentence = "It is cancelled: Daniel Osei cancelled it, Tue 13 Jan, 10:00. Reason: “Ada is ill”"
    assert refusal.value.sentence == sentence
    assert len(rows.history(session, confirmed)) == 2
