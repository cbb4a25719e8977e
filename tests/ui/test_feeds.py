"""Calendar feeds: made by anybody of the team, read by calendar programs, ended at once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from ical.calendar import Calendar
from ical.calendar_stream import IcsCalendarStream
from ical.event import Event, EventStatus
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, draft, make_world
from tests.support.statements import captured
from tests.ui.conftest import MovableClock, fresh
from webapp.extensions import db
from webapp.lifecycle import appointments, booking, details
from webapp.lifecycle.appointments import NewSlot
from webapp.models import Appointment, AuditEvent, CalendarFeed, StaffUser
from webapp.queries import feeds as known
from webapp.vocabulary import CancelledBy, Status

LIST = "/preferences/calendars"
FORM = {"name": "Desk", "staff_user_id": "", "appointment_type_id": "", "shown": "all", "with_names": "y"}


def make(client: FlaskClient, **changed: str) -> int:
    """A feed made by the form; its number."""
    answer = client.post(f"{LIST}/new", data=FORM | changed)
    assert answer.status_code == 303, answer.text
    return int(answer.location.rpartition("-")[2])


def address(client: FlaskClient, number: int) -> str:
    """The path of a feed's address, as its owner is shown it."""
    page = client.post(f"{LIST}/{number}/address").text
    found = re.search(r'value="http://[^/"]+(/feeds/[\w-]{43}\.ics)"', page)
    assert found is not None
    return found[1]


def read(app: Flask, path: str) -> Calendar:
    """What a calendar program, which is not signed in, makes of the address."""
    answer = app.test_client().get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/calendar; charset=utf-8"
    return IcsCalendarStream.calendar_from_ics(answer.text)


def only(calendar: Calendar) -> Event:
    (event,) = calendar.events
    return event


def test_a_feed_shows_the_appointments_and_its_address_only_when_asked(
    app: Flask, world: World, session: Session, desk: FlaskClient
) -> None:
    booking.book(session, actor=world.acting(), draft=draft(world, location="Room 4"), now=world.now)
    session.commit()
    number = make(desk)
    assert "/feeds/" not in desk.get(LIST).text
    found = only(read(app, address(desk, number)))
    assert (found.summary, found.location) == ("Ada Byron: Review", "Room 4")
    assert (found.dtstart, found.dtend) == (world.now + DAY, world.now + DAY + LENGTH)
    assert found.status is EventStatus.CONFIRMED
    notes = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == "calendar_feed")).all()
    assert [(note.action, note.changed_by_id) for note in notes] == [("make", world.staff.staff_user_id)]


def test_one_event_follows_a_chain_over_moves_a_change_of_clocks_and_a_cancellation(
    app: Flask, world: World, session: Session, desk: FlaskClient
) -> None:
    """London's clocks go forward on 29 March 2026: ten o'clock stays ten o'clock."""
    path = address(desk, make(desk))
    actor, london = world.acting(), ZoneInfo("Europe/London")

    def hours() -> list[int]:
        found = only(read(app, path))
        assert isinstance(found.dtstart, datetime)
        assert isinstance(found.dtend, datetime)
        return [found.dtstart.astimezone(london).hour, found.dtend.astimezone(london).hour]

    winter, summer = world.at("2026-03-27 10:00"), world.at("2026-03-30 10:00")
    first = booking.book(
        session, actor=actor, draft=draft(world, start=winter, end=winter + 2 * LENGTH), now=world.now
    )
    session.commit()
    event = only(read(app, path))
    seen = [(event.uid, event.sequence, hours())]
    slot = NewSlot(start_time=summer, end_time=summer + 2 * LENGTH)
    second = appointments.reschedule(
        session, first, actor=actor, slot=slot, reason="ill", now=world.now + timedelta(minutes=1)
    )
    session.commit()
    event = only(read(app, path))
    assert event.dtstart == datetime(2026, 3, 30, 9, tzinfo=UTC)
    seen.append((event.uid, event.sequence, hours()))
    details.edit(
        session,
        second,
        actor=actor,
        location="Room 9",
        notes="",
        contact_id=second.contact_id,
        now=world.now + timedelta(minutes=2),
        expected_version=second.version,
    )
    session.commit()
    event = only(read(app, path))
    assert event.location == "Room 9"
    seen.append((event.uid, event.sequence, hours()))
    appointments.cancel(
        session,
        second,
        actor=actor,
        reason="no need",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now + timedelta(minutes=3),
    )
    session.commit()
    event = only(read(app, path))
    assert event.status is EventStatus.CANCELLED
    assert "TRANSP:TRANSPARENT" in app.test_client().get(path).text
    seen.append((event.uid, event.sequence, hours()))
    assert len({uid for uid, _, _ in seen}) == 1
    numbers = [number for _, number, _ in seen if number is not None]
    assert len(numbers) == 4
    assert numbers == sorted(set(numbers))
    assert [each for _, _, each in seen] == [[10, 11]] * 4
    fresh(session, first)
    assert [row.to_status for row in first.status_history] == [Status.CONFIRMED, Status.RESCHEDULED]
    assert [row.to_status for row in second.status_history] == [Status.CONFIRMED, Status.CANCELLED]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.REQUESTED, EventStatus.TENTATIVE),
        (Status.AWAITING_CONFIRMATION, EventStatus.TENTATIVE),
        (Status.CONFIRMED, EventStatus.CONFIRMED),
        (Status.COMPLETED, EventStatus.CONFIRMED),
        (Status.NO_SHOW, EventStatus.CONFIRMED),
        (Status.CANCELLED, EventStatus.CANCELLED),
    ],
)
def test_each_status_has_its_word(
    app: Flask, world: World, session: Session, desk: FlaskClient, status: Status, word: EventStatus
) -> None:
    at_status(session, status, world)
    session.commit()
    assert only(read(app, address(desk, make(desk)))).status is word


def test_the_filters_are_the_feed_s_own(
    app: Flask, world: World, session: Session, desk: FlaskClient
) -> None:
    actor = world.acting()
    booking.book(session, actor=actor, draft=draft(world), now=world.now)
    booking.book(session, actor=actor, draft=draft(world, staff_user=world.staff2), now=world.now)
    at_status(session, Status.CANCELLED, world, start=world.now + 3 * DAY)
    session.commit()
    everything = read(app, address(desk, make(desk)))
    assert len(everything.events) == 3
    tomas = make(desk, staff_user_id=str(world.staff2.staff_user_id), with_names="")
    assert only(read(app, address(desk, tomas))).summary == "Review"
    certain = read(app, address(desk, make(desk, shown="confirmed")))
    assert {event.status for event in certain.events} == {EventStatus.CONFIRMED}
    assert len(certain.events) == 2


def test_a_feed_that_ended_is_as_absent_as_one_that_never_was(
    app: Flask, world: World, session: Session, signed_in: Callable[[StaffUser], FlaskClient]
) -> None:
    desk, manager = signed_in(world.staff), signed_in(world.manager)
    number = make(desk)
    path = address(desk, number)
    never = app.test_client().get("/feeds/nothing.ics")
    assert never.status_code == 404
    for step in ("address", "revocation"):
        assert manager.post(f"{LIST}/{number}/{step}").status_code == 404
    assert desk.post(f"{LIST}/{number}/revocation").status_code == 303
    gone = app.test_client().get(path)
    assert (gone.status_code, gone.data) == (404, never.data)
    assert desk.post(f"{LIST}/{number}/address").status_code == 404
    assert "No calendar feed yet" in desk.get(LIST).text


def test_a_feed_ends_with_its_owner(app: Flask, world: World, session: Session, desk: FlaskClient) -> None:
    path = address(desk, make(desk))
    assert app.test_client().get(path).status_code == 200
    session.rollback()
    session.get_one(StaffUser, world.staff.staff_user_id).deactivated_at = world.now
    session.commit()
    assert app.test_client().get(path).status_code == 404


def test_another_firm_s_appointments_are_in_no_feed(
    app: Flask, world: World, session: Session, desk: FlaskClient
) -> None:
    other = make_world(session, "other")
    booking.book(session, actor=other.acting(), draft=draft(other), now=other.now)
    session.commit()
    assert read(app, address(desk, make(desk))).events == []
    theirs = desk.post(f"{LIST}/new", data=FORM | {"staff_user_id": str(other.staff.staff_user_id)})
    assert theirs.status_code == 422


def test_an_unchanged_feed_is_not_sent_again_and_reading_is_noted_once_an_hour(
    app: Flask, world: World, session: Session, desk: FlaskClient, moved_clock: MovableClock
) -> None:
    booking.book(session, actor=world.acting(), draft=draft(world), now=world.now)
    session.commit()
    number = make(desk)
    path, program = address(desk, number), app.test_client()
    first = program.get(path)
    moved_clock.pass_(minutes=10)
    again = program.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    session.rollback()
    assert session.get_one(CalendarFeed, number).last_read_at == world.now
    moved_clock.pass_(minutes=51)
    assert program.get(path).data == first.data
    session.rollback()
    assert session.get_one(CalendarFeed, number).last_read_at == moved_clock.now


def test_a_form_sent_twice_makes_one_feed(world: World, session: Session, desk: FlaskClient) -> None:
    numbers = {make(desk, form_token="one-form") for _ in range(2)}
    assert len(numbers) == 1
    session.rollback()
    assert len(session.scalars(sa.select(CalendarFeed)).all()) == 1


@pytest.mark.parametrize(("name", "said"), [("", "Enter a name."), ("  ", "Give the feed a name")])
def test_a_feed_needs_a_name(desk: FlaskClient, name: str, said: str) -> None:
    answer = desk.post(f"{LIST}/new", data=FORM | {"name": name})
    assert answer.status_code == 422
    assert said in answer.text


def test_a_feed_of_many_takes_as_many_statements_as_one_of_few(
    app: Flask, world: World, session: Session, desk: FlaskClient
) -> None:
    path = address(desk, make(desk))
    counts = []
    for days in (1, 6):
        for day in range(days):
            start = world.now + (10 * days + day) * DAY
            booking.book(session, actor=world.acting(), draft=draft(world, start=start), now=world.now)
        session.commit()
        app.test_client().get(path)  # notes the reading
        with app.app_context(), captured(db.engine) as asked:
            app.test_client().get(path)
        counts.append(len(asked))
    assert counts == [4, 4]


def test_a_feed_reaches_back_90_days_and_ahead_400_and_is_cut_at_its_far_ends(
    world: World, session: Session
) -> None:
    days = (-91, -89, -2, -1, 1, 2, 399, 401)
    for day in days:
        booking.book(
            session, actor=world.acting(), draft=draft(world, start=world.now + day * DAY), now=world.now
        )
    session.commit()
    wanted = known.Shown(firm_id=world.firm.firm_id, day=world.now.replace(hour=0))

    def found(**most: int) -> list[int]:
        return [(each.start_time - world.now).days for each in known.entries(session, wanted, **most)]

    assert found() == [-89, -2, -1, 1, 2, 399]
    assert found(most_back=1, most_ahead=2) == [-1, 1, 2]


def test_a_change_of_details_is_younger_than_the_status(
    app: Flask, world: World, session: Session, desk: FlaskClient
) -> None:
    made = booking.book(session, actor=world.acting(), draft=draft(world), now=world.now)
    session.commit()
    path = address(desk, make(desk))
    before = app.test_client().get(path).headers["ETag"]
    details.edit(
        session,
        made,
        actor=world.acting(),
        location="Room 9",
        notes="",
        contact_id=made.contact_id,
        now=world.now + timedelta(minutes=2),
        expected_version=made.version,
    )
    session.commit()
    event = only(read(app, path))
    assert (event.last_modified, event.dtstamp) == (world.now + timedelta(minutes=2),) * 2
    assert app.test_client().get(path).headers["ETag"] != before


def test_one_appointment_as_a_file(
    world: World, session: Session, desk: FlaskClient, signed_in: Callable[[StaffUser], FlaskClient]
) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    session.commit()
    answer = desk.get(f"/appointments/{made.appointment_id}.ics")
    assert (
        answer.headers["Content-Disposition"] == f"attachment; filename=appointment-{made.appointment_id}.ics"
    )
    event = only(IcsCalendarStream.calendar_from_ics(answer.text))
    assert event.uid == f"chain-{made.appointment_id}@127.0.0.1"
    other = make_world(session, "other")
    stranger = signed_in(other.owner)
    theirs = stranger.get(f"/appointments/{made.appointment_id}.ics")
    absent = stranger.get("/appointments/999999.ics")
    assert theirs.status_code == absent.status_code == 404
    assert theirs.data == absent.data
    assert session.get(Appointment, made.appointment_id) is not None
