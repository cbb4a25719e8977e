"""Rescheduling: one transaction, two appointments; the chain, its limits and the slots on both sides."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, draft
from tests.lifecycle import rows
from webapp.lifecycle import booking
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.appointments import NewSlot, reschedule
from webapp.lifecycle.errors import Forbidden, Invalid, LimitReached, SlotTaken
from webapp.models import Appointment, StaffUser
from webapp.queries import invariants
from webapp.vocabulary import Status

HOUR = timedelta(hours=1)
INHERITED = (
    "appointment_type_id",
    "staff_user_id",
    "account_id",
    "contact_id",
    "location",
    "notes",
    "booked_by",
    "booked_by_id",
)


@pytest.fixture
def confirmed(session: Session, world: World) -> Appointment:
    plan = draft(world, location="Room 3", notes="Bring the file")
    return booking.book(session, actor=world.acting(world.manager), draft=plan, now=world.now - DAY)


def move(
    session: Session,
    world: World,
    appointment: Appointment,
    *,
    actor: Actor | None = None,
    to: datetime | None = None,
    staff_user: StaffUser | None = None,
    double_book: bool = False,
    reason: str = "",
    now: datetime | None = None,
) -> Appointment:
    start = to or appointment.start_time + DAY
    return reschedule(
        session,
        appointment,
        actor=actor or world.acting(),
        slot=NewSlot(
            start_time=start,
            end_time=start + LENGTH,
            staff_user_id=staff_user.staff_user_id if staff_user else None,
            double_book=double_book,
        ),
        reason=reason,
        now=now or world.now,
    )


def test_the_successor_inherits(session: Session, world: World, confirmed: Appointment) -> None:
    successor = move(session, world, confirmed)
    before, after = rows.row(session, confirmed), rows.row(session, successor)
    assert {field: after[field] for field in INHERITED} == {field: before[field] for field in INHERITED}
    assert (after["booked_by"], after["location"]) == ("Daniel Osei", "Room 3")
    assert (after["status"], after["version"], after["created_at"]) == ("confirmed", 1, world.now)
    assert (after["start_time"], after["end_time"]) == (
        confirmed.start_time + DAY,
        confirmed.start_time + DAY + LENGTH,
    )


def test_both_ends_are_linked_and_both_histories_say_it(
    session: Session, world: World, confirmed: Appointment
) -> None:
    successor = move(session, world, confirmed)
    session.commit()
    session.expire_all()
    assert confirmed.rescheduled_to is successor
    assert successor.rescheduled_from is confirmed
    assert rows.stamps(session, confirmed) == {"rescheduled_at": world.now}
    assert rows.history(session, confirmed)[-1]["reason"] is None
    (first,) = rows.history(session, successor)
    assert (first["action"], first["reason"]) == ("reschedule", "Rescheduled from previous appointment")
    assert [event["event_type"] for event in rows.outbox(session, confirmed)] == [
        "appointment.confirmed",
        "appointment.rescheduled",
    ]
    (event,) = rows.outbox(session, successor)
    assert event["payload"]["rescheduled_from"] == confirmed.appointment_id


def test_a_reason_that_is_given_stands_in_both_histories(
    session: Session, world: World, confirmed: Appointment
) -> None:
    successor = move(session, world, confirmed, reason="Ada travels")
    for appointment in (confirmed, successor):
        assert rows.history(session, appointment)[-1]["reason"] == "Ada travels"
        assert appointment.status_reason == "Ada travels"


def test_the_old_slot_is_free_and_the_new_one_is_held(
    session: Session, world: World, confirmed: Appointment
) -> None:
    successor = move(session, world, confirmed)
    plan = draft(world, start=confirmed.start_time)
    assert not booking.book(session, actor=world.acting(), draft=plan, now=world.now).overbooked
    with pytest.raises(SlotTaken):
        booking.book(
            session, actor=world.acting(), draft=draft(world, start=successor.start_time), now=world.now
        )


def test_it_may_move_by_less_than_its_length(session: Session, world: World, confirmed: Appointment) -> None:
    assert (
        move(session, world, confirmed, to=confirmed.start_time + timedelta(minutes=15)).overbooked is False
    )


def test_another_member_of_staff_may_take_it(session: Session, world: World, confirmed: Appointment) -> None:
    successor = move(session, world, confirmed, to=confirmed.start_time, staff_user=world.staff2)
    assert successor.staff_user_id == world.staff2.staff_user_id


def test_the_time_it_has_is_no_move(session: Session, world: World, confirmed: Appointment) -> None:
    with pytest.raises(Invalid, match="the time it has now"):
        move(session, world, confirmed, to=confirmed.start_time)


def test_a_successor_is_not_created_before_its_original_by_a_clock_put_back(
    session: Session, world: World, confirmed: Appointment
) -> None:
    successor = move(session, world, confirmed, now=confirmed.created_at - HOUR)
    assert successor.created_at == confirmed.created_at
    session.commit()
    assert not list(invariants.check(session))


@pytest.mark.parametrize("to", [timedelta(0), -HOUR, -1000 * DAY, 3000 * DAY])
def test_it_does_not_move_into_the_past_or_far_away(
    session: Session, world: World, confirmed: Appointment, to: timedelta
) -> None:
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        move(session, world, confirmed, to=world.now + to)
    assert refusal.value.field == "start"
    assert rows.everything(session) == before


def test_a_held_slot_is_refused_and_nothing_moves(
    session: Session, world: World, confirmed: Appointment
) -> None:
    other = at_status(session, Status.CONFIRMED, world, start=world.now + 3 * DAY)
    before = rows.everything(session)
    with pytest.raises(SlotTaken):
        move(session, world, confirmed, to=other.start_time + timedelta(minutes=30))
    assert rows.everything(session) == before


def test_a_manager_moves_it_onto_another_and_the_successor_says_so(
    session: Session, world: World, confirmed: Appointment
) -> None:
    other = at_status(session, Status.CONFIRMED, world, start=world.now + 3 * DAY)
    asked = {"to": other.start_time, "double_book": True}
    with pytest.raises(Forbidden):
        move(session, world, confirmed, reason="Squeeze in", **asked)
    manager = world.acting(world.manager)
    with pytest.raises(Invalid):
        move(session, world, confirmed, actor=manager, **asked)
    successor = move(session, world, confirmed, actor=manager, reason="Squeeze in", **asked)
    assert successor.overbooked
    assert rows.history(session, successor)[0]["overrides"] == "double_booking"
    assert rows.history(session, confirmed)[-1]["overrides"] is None
    assert move(session, world, successor, to=world.now + 5 * DAY).overbooked is False


def test_who_left_cannot_keep_it(session: Session, world: World, confirmed: Appointment) -> None:
    world.staff.deactivated_at = world.now
    with pytest.raises(Invalid) as refusal:
        move(session, world, confirmed)
    assert refusal.value.field == "staff_user_id"
    assert move(session, world, confirmed, staff_user=world.staff2).status is Status.CONFIRMED


def test_a_chain_counts_its_links_from_its_first_booking(
    session: Session, world: World, confirmed: Appointment
) -> None:
    second = move(session, world, confirmed)
    third = move(session, world, second)
    assert [link.chain_position for link in (confirmed, second, third)] == [1, 2, 3]
    assert (confirmed.chain_root_id, second.chain_root_id) == (None, confirmed.appointment_id)
    assert third.chain_root_id == confirmed.appointment_id


def test_the_limit_binds_a_client(session: Session, world: World, confirmed: Appointment) -> None:
    last = confirmed
    for _ in range(3):
        last = move(session, world, last, actor=world.client)
    with pytest.raises(LimitReached, match=r"moved 3 times; the limit is 3\. Call the firm instead\."):
        move(session, world, last, actor=world.client)
    assert last.status is Status.CONFIRMED


def test_staff_go_past_the_limits_with_a_reason_and_the_history_says_so(
    session: Session, world: World, confirmed: Appointment
) -> None:
    world.firm.reschedule_limit = 0
    world.firm.reschedule_notice = 25 * 60
    with pytest.raises(Invalid) as refusal:
        move(session, world, confirmed)
    assert refusal.value.field == "reason"
    successor = move(session, world, confirmed, reason="Ada travels")
    assert rows.history(session, confirmed)[-1]["overrides"] == "reschedule_limit,reschedule_notice"
    assert rows.history(session, successor)[0]["overrides"] is None


@pytest.mark.parametrize(
    ("of_firm", "of_type", "refused"), [(0, None, True), (0, 1, False), (3, 0, True), (None, None, False)]
)
def test_the_type_goes_before_the_firm(
    session: Session,
    world: World,
    confirmed: Appointment,
    of_firm: int | None,
    of_type: int | None,
    refused: bool,
) -> None:
    world.firm.reschedule_limit, world.kind.reschedule_limit = of_firm, of_type
    if refused:
        with pytest.raises(LimitReached):
            move(session, world, confirmed, actor=world.client)
    else:
        assert move(session, world, confirmed, actor=world.client).status is Status.CONFIRMED


def test_the_notice_binds_a_client_to_the_second(
    session: Session, world: World, confirmed: Appointment
) -> None:
    world.firm.reschedule_notice = 60
    last_moment = confirmed.start_time - HOUR
    with pytest.raises(LimitReached, match="Rescheduling needs 1 h notice"):
        move(session, world, confirmed, actor=world.client, now=last_moment + timedelta(seconds=1))
    assert move(session, world, confirmed, actor=world.client, now=last_moment).status is Status.CONFIRMED


def test_a_client_does_not_move_a_meeting_that_has_begun_but_staff_do(
    session: Session, world: World, confirmed: Appointment
) -> None:
    with pytest.raises(LimitReached, match="has begun"):
        move(session, world, confirmed, actor=world.client, now=confirmed.start_time)
    assert move(session, world, confirmed, now=confirmed.start_time).status is Status.CONFIRMED
