"""The calendar entry: one event for a chain, whose number rises, right by every clock."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.delivery.conftest import Post
from tests.factories import DAY, LENGTH, NOW, World, draft
from webapp.delivery import calendars
from webapp.delivery.calendars import Meeting
from webapp.lifecycle import appointments, booking
from webapp.lifecycle.appointments import NewSlot
from webapp.vocabulary import Answer, CancelledBy, Status

NAMES = [
    "Ada Byron",
    'Ann "Nan" O’Hara; Jr, Esq: X',
    "عمر الفاروق",
    "דנה לוי",
    "山田太郎",
    "Zoë 👩‍👧‍👦 Å" * 9,
    "ณัฐ" * 30,
]


def meeting(**changed: Any) -> Meeting:
    facts: dict[str, Any] = {
        "chain_id": 7,
        "sequence": 0,
        "start_time": NOW + DAY,
        "end_time": NOW + DAY + LENGTH,
        "summary": "Review, Marlow",
        "place": "Room 2",
        "description": "With Lena Fischer",
        "firm": "Marlow",
        "attendee": "ada@client.example",
        "attendee_name": "Ada Byron",
        "answer": Answer.ACCEPTED,
    }
    return Meeting(**(facts | changed))


def file(status: Status = Status.CONFIRMED, **changed: Any) -> str:
    return calendars.build(
        meeting(**changed), status=status, host="desk.example.com", organizer="desk@x.example", stamp=NOW
    )[0]


def event_of(text: str | None) -> icalendar.Event:
    assert text is not None
    (event,) = icalendar.Calendar.from_ical(text).walk("VEVENT")
    assert isinstance(event, icalendar.Event)
    assert not event.errors
    return event


@pytest.mark.parametrize(
    ("status", "method", "word"),
    [
        (Status.CONFIRMED, "REQUEST", "CONFIRMED"),
        (Status.AWAITING_CONFIRMATION, "REQUEST", "TENTATIVE"),
        (Status.CANCELLED, "CANCEL", "CANCELLED"),
    ],
)
def test_each_status_has_its_method(status: Status, method: str, word: str) -> None:
    text = file(status)
    assert icalendar.Calendar.from_ical(text)["METHOD"] == method
    assert event_of(text)["STATUS"] == word


def test_what_the_calendar_needs_is_there() -> None:
    event = event_of(file())
    assert event["UID"] == "chain-7@desk.example.com"
    assert event["SEQUENCE"] == 0
    assert str(event["ORGANIZER"]) == "mailto:desk@x.example"
    assert str(event["ATTENDEE"]) == "mailto:ada@client.example"
    assert event["ATTENDEE"].params["CN"] == "Ada Byron"
    assert event["LOCATION"] == "Room 2"
    assert event["DTSTAMP"].dt == NOW


def lines(text: str) -> list[bytes]:
    """Content lines as RFC 5545, 3.1 has them: by hand, without the library."""
    assert text.endswith("\r\n")
    physical = text.encode().split(b"\r\n")[:-1]
    assert all(b"\n" not in line and b"\r" not in line for line in physical)
    assert all(len(line) <= 75 for line in physical)
    assert all(line.decode() or line == b"" for line in physical), "a fold never cuts a character"
    return re.sub(rb"\r\n[ \t]", b"", text.encode()).split(b"\r\n")[:-1]


@pytest.mark.parametrize("name", NAMES)
def test_every_script_folds_and_comes_back(name: str) -> None:
    text = file(attendee_name=name, summary=name, description=f"{name}\nhttps://desk.example.com/c/x")
    unfolded = lines(text)
    assert unfolded[0] == b"BEGIN:VCALENDAR"
    assert unfolded[-1] == b"END:VCALENDAR"
    event = event_of(text)
    assert event["SUMMARY"] == calendars.cleaning.line(name)
    assert event["ATTENDEE"].params["CN"] == calendars.cleaning.line(name).replace('"', "’")


@given(text=st.text(max_size=300))
def test_no_text_adds_a_line_of_its_own(text: str) -> None:
    written = file(attendee_name=text, summary=text, place=text, description=text, firm=text)
    names = [re.split(rb"[:;]", line)[0] for line in lines(written)]
    plain = [re.split(rb"[:;]", line)[0] for line in lines(file())]
    assert set(names) <= set(plain)
    assert len(names) == len(set(names)) + 2  # BEGIN and END come twice
    event_of(written)


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Europe/London", "2026-03-28 10:00", "20260328T100000Z"),
        ("Europe/London", "2026-03-29 10:00", "20260329T090000Z"),
        ("America/New_York", "2026-11-01 10:00", "20261101T150000Z"),
        ("Australia/Lord_Howe", "2026-04-05 10:00", "20260404T233000Z"),
        ("Asia/Kathmandu", "2026-06-01 10:00", "20260601T041500Z"),
        ("Pacific/Kiritimati", "2026-12-31 23:30", "20261231T093000Z"),
    ],
)
def test_times_are_the_same_instant_on_both_sides_of_a_clock_change(zone: str, wall: str, utc: str) -> None:
    start = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    text = file(start_time=start, end_time=start + LENGTH)
    assert f"DTSTART:{utc}" in text.splitlines()
    event = event_of(text)
    assert event["DTSTART"].dt == start
    assert event["DTEND"].dt - event["DTSTART"].dt == LENGTH


def test_a_chain_keeps_its_uid_and_its_number_rises(post: Post, session: Session, world: World) -> None:
    made = booking.propose(
        session, actor=world.acting(), draft=draft(world, confirm_by=NOW + timedelta(hours=9)), now=NOW
    )
    appointments.confirm(session, made, actor=world.acting(), now=NOW)
    for day in (2, 3):
        slot = NewSlot(start_time=NOW + day * DAY, end_time=NOW + day * DAY + LENGTH)
        made = appointments.reschedule(session, made, actor=world.acting(), slot=slot, reason="", now=NOW)
    appointments.cancel(
        session, made, actor=world.acting(), reason="Ill", cancelled_by=CancelledBy.STAFF, now=NOW
    )
    session.commit()
    post.handle(NOW)
    told = [event_of(mail.calendar) for mail in post.mails()]
    assert post.templates() == ["proposed", "confirmed", "moved", "moved", "cancelled"]
    assert len({str(event["UID"]) for event in told}) == 1
    assert [int(event["SEQUENCE"]) for event in told] == [0, 1, 3, 5, 6]
    assert [event["STATUS"] for event in told] == [
        "TENTATIVE",
        "CONFIRMED",
        "CONFIRMED",
        "CONFIRMED",
        "CANCELLED",
    ]
    assert [mail.calendar_method for mail in post.mails()] == ["REQUEST"] * 4 + ["CANCEL"]


def test_two_bookings_are_two_events(post: Post, session: Session, world: World) -> None:
    for day in (1, 2):
        booking.book(session, actor=world.acting(), draft=draft(world, start=NOW + day * DAY), now=NOW)
    session.commit()
    post.handle(NOW)
    assert len({str(event_of(mail.calendar)["UID"]) for mail in post.mails()}) == 2
