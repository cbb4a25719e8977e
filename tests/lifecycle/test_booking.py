"""Request, book and propose: what a new appointment must be, and what it becomes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, draft, make_contact, make_user
from tests.lifecycle import rows
from webapp.lifecycle import booking
from webapp.lifecycle.booking import Draft
from webapp.lifecycle.errors import Forbidden, Invalid, SlotTaken
from webapp.models import Appointment
from webapp.vocabulary import Role, Status

MINUTE = timedelta(minutes=1)


def book(session: Session, world: World, plan: Draft) -> Appointment:
    return booking.book(session, actor=world.acting(), draft=plan, now=world.now)


def refused(session: Session, world: World, plan: Draft) -> str | None:
    """The field that the refusal names; nothing may have been written."""
    before = rows.everything(session)
    with pytest.raises(Invalid) as refusal:
        book(session, world, plan)
    assert rows.everything(session) == before
    return refusal.value.field


def test_what_was_typed_is_kept_tidily(session: Session, world: World) -> None:
    made = book(session, world, draft(world, location="  Room\t 3 ", notes=" Bring\r\nthe file ", reason=" "))
    assert (made.location, made.notes, made.status_reason) == ("Room 3", "Bring\nthe file", None)


def test_a_contact_brings_its_account(session: Session, world: World) -> None:
    assert book(session, world, draft(world)).account_id == world.account.account_id


def test_an_account_alone_is_enough(session: Session, world: World) -> None:
    made = book(session, world, replace(draft(world), contact_id=None, account_id=world.account.account_id))
    assert (made.contact_id, made.account_id) == (None, world.account.account_id)


def test_somebody_must_be_met(session: Session, world: World) -> None:
    assert refused(session, world, replace(draft(world), contact_id=None)) == "contact_id"


def test_contact_and_account_belong_together(session: Session, world: World) -> None:
    alone = make_contact(session, world.firm, "Charles Babbage")
    plan = replace(draft(world), contact_id=alone.contact_id, account_id=world.account.account_id)
    assert refused(session, world, plan) == "account_id"


@pytest.mark.parametrize("field", ["appointment_type_id", "staff_user_id", "contact_id", "account_id"])
def test_an_unknown_number_is_refused(session: Session, world: World, field: str) -> None:
    plan = replace(draft(world), **{"contact_id": None, field: 987_654})
    assert refused(session, world, plan) == field


def test_a_retired_type_is_no_longer_booked(session: Session, world: World) -> None:
    world.kind.retired_at = world.now
    assert refused(session, world, draft(world)) == "appointment_type_id"


def test_who_left_takes_no_appointments(session: Session, world: World) -> None:
    world.staff2.deactivated_at = world.now
    assert refused(session, world, draft(world, staff_user=world.staff2)) == "staff_user_id"


def test_who_is_not_bookable_takes_no_appointments(session: Session, world: World) -> None:
    desk = make_user(session, world.firm, "Rita Desk", Role.STAFF, bookable=False)
    assert refused(session, world, draft(world, staff_user=desk)) == "staff_user_id"
    assert (
        booking.book(session, actor=world.acting(desk), draft=draft(world), now=world.now).booked_by
        == "Rita Desk"
    )


@pytest.mark.parametrize(
    ("length", "field"),
    [
        (timedelta(0), "end"),
        (-MINUTE, "end"),
        (4 * MINUTE, "duration"),
        (24 * 60 * MINUTE + timedelta(seconds=1), "duration"),
        (timedelta(days=400), "duration"),
    ],
)
def test_no_meeting_has_such_a_length(session: Session, world: World, length: timedelta, field: str) -> None:
    start = world.now + DAY
    assert refused(session, world, draft(world, start=start, end=start + length)) == field


@pytest.mark.parametrize("length", [5 * MINUTE, 24 * 60 * MINUTE])
def test_the_shortest_and_the_longest_meeting_are_booked(
    session: Session, world: World, length: timedelta
) -> None:
    start = world.now + DAY
    assert book(session, world, draft(world, start=start, end=start + length)).status is Status.CONFIRMED


@pytest.mark.parametrize(
    "start",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2025, 1, 12, 9, 59, tzinfo=UTC),
        datetime(2031, 1, 19, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 0, tzinfo=UTC),
    ],
)
def test_an_absurd_date_is_refused(session: Session, world: World, start: datetime) -> None:
    assert refused(session, world, draft(world, start=start)) == "start"


def test_what_was_never_written_down_is_booked_up_to_a_year_later(session: Session, world: World) -> None:
    made = book(session, world, draft(world, start=world.now - 366 * DAY))
    (written,) = rows.history(session, made)
    assert (made.status, written["changed_at"]) == (Status.CONFIRMED, world.now)


def test_a_request_for_a_time_that_has_passed_is_refused(session: Session, world: World) -> None:
    with pytest.raises(Invalid) as refusal:
        booking.request(session, actor=world.client, draft=draft(world, start=world.now), now=world.now)
    assert refusal.value.field == "start"


@pytest.mark.parametrize("confirm_by", [None, -DAY, timedelta(0), DAY + timedelta(seconds=1)])
def test_a_deadline_lies_between_now_and_the_start(
    session: Session, world: World, confirm_by: timedelta | None
) -> None:
    deadline = None if confirm_by is None else world.now + confirm_by
    with pytest.raises(Invalid) as refusal:
        booking.propose(session, actor=world.acting(), draft=draft(world, confirm_by=deadline), now=world.now)
    assert refusal.value.field == "confirm_by"


def test_the_deadline_may_be_the_start_itself(session: Session, world: World) -> None:
    plan = draft(world, confirm_by=world.now + DAY)
    assert (
        booking.propose(session, actor=world.acting(), draft=plan, now=world.now).confirm_by
        == plan.start_time
    )


def test_only_a_proposal_has_a_deadline(session: Session, world: World) -> None:
    assert book(session, world, draft(world, confirm_by=world.now + DAY)).confirm_by is None


@pytest.mark.parametrize("status", [Status.REQUESTED, Status.AWAITING_CONFIRMATION, Status.CONFIRMED])
@pytest.mark.parametrize("shift", [timedelta(0), LENGTH - MINUTE, MINUTE - LENGTH])
def test_a_live_appointment_holds_its_slot(
    session: Session, world: World, status: Status, shift: timedelta
) -> None:
    held = at_status(session, status, world)
    with pytest.raises(SlotTaken) as refusal:
        book(session, world, draft(world, start=held.start_time + shift))
    assert refusal.value.sentence.startswith("Lena Fischer has another appointment at Wed 14 Jan, ")


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.RESCHEDULED, Status.COMPLETED, Status.NO_SHOW])
def test_a_terminal_appointment_holds_no_slot(session: Session, world: World, status: Status) -> None:
    over = at_status(session, status, world)
    assert book(session, world, draft(world, start=over.start_time)).start_time == over.start_time


@pytest.mark.parametrize("shift", [LENGTH, -LENGTH])
def test_appointments_may_touch(session: Session, world: World, shift: timedelta) -> None:
    held = at_status(session, Status.CONFIRMED, world)
    assert book(session, world, draft(world, start=held.start_time + shift)).overbooked is False


def test_another_member_of_staff_is_free(session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    assert book(session, world, draft(world, staff_user=world.staff2)).overbooked is False


def test_a_manager_double_books_with_a_reason_and_the_history_says_so(session: Session, world: World) -> None:
    held = at_status(session, Status.CONFIRMED, world)
    plan = draft(world, start=held.start_time, double_book=True, reason="Two short ones")
    made = booking.book(session, actor=world.acting(world.manager), draft=plan, now=world.now)
    (written,) = rows.history(session, made)
    assert made.overbooked
    assert (written["overrides"], written["reason"]) == ("double_booking", "Two short ones")
    assert len(rows.outbox(session, made)) == 1


def test_a_double_booking_needs_a_reason(session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    with pytest.raises(Invalid) as refusal:
        booking.book(
            session, actor=world.acting(world.owner), draft=draft(world, double_book=True), now=world.now
        )
    assert refusal.value.field == "reason"


def test_staff_and_clients_do_not_double_book(session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    plan = draft(world, double_book=True, reason="Please")
    for actor in (world.acting(), world.client):
        with pytest.raises(Forbidden, match="manager"):
            booking.request(session, actor=actor, draft=plan, now=world.now)


def test_a_free_slot_is_not_double_booked_even_if_that_was_allowed(session: Session, world: World) -> None:
    plan = draft(world, double_book=True, reason="Just in case")
    made = booking.book(session, actor=world.acting(world.manager), draft=plan, now=world.now)
    assert (made.overbooked, rows.history(session, made)[0]["overrides"]) == (False, None)


def test_a_double_booking_does_not_hold_the_slot(session: Session, world: World) -> None:
    held = at_status(session, Status.CONFIRMED, world)
    plan = draft(world, end=held.end_time + LENGTH, double_book=True, reason="Two short ones")
    booking.book(session, actor=world.acting(world.manager), draft=plan, now=world.now)
    assert book(session, world, draft(world, start=held.end_time)).overbooked is False
