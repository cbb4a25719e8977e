"""A new poll: the list, the form with its rows, what is refused; and its editing."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, draft
from tests.support.polls import faults
from tests.ui.polls.conftest import count
from webapp.lifecycle import booking
from webapp.models import MailMessage, Poll, PollInvitee, PollSlot

pytestmark = pytest.mark.one_engine  # the lifecycle's tests run on both; the pages only show


def typed(world: World, **fields: str) -> dict[str, str]:
    return {
        "title": "Annual review",
        "appointment_type_id": str(world.kind.appointment_type_id),
        "staff_user_id": str(world.staff.staff_user_id),
        "deadline-day": "2026-01-14",
        "deadline-time": "17:00",
        "slots-0-day": "2026-01-15",
        "slots-0-time": "10:00",
        "slots-1-day": "2026-01-16",
        "slots-1-time": "2.30pm",
        "invitees-0-name": "Clara Wren",
        "invitees-0-email": "clara@wren.example",
        "invitees-0-required": "yes",
        "invitees-1-name": "Piet Wren",
        "invitees-1-email": "piet@wren.example",
        "invitees-1-required": "no",
        "invitees-1-timezone": "America/New York",
        "form_token": "one-form",
        **fields,
    }


def test_an_empty_list_says_what_a_poll_is(desk: FlaskClient) -> None:
    page = desk.get("/polls")
    assert "No poll is running" in page.text
    assert faults(page.text) == []


def test_a_new_poll_is_sent_and_a_double_submit_makes_one(
    desk: FlaskClient, session: Session, world: World
) -> None:
    assert faults(desk.get("/polls/new").text) == []
    for _ in range(2):
        answer = desk.post("/polls/new", data=typed(world))
        assert answer.status_code == 303
    assert (count(session, Poll), count(session, PollSlot), count(session, PollInvitee)) == (1, 2, 2)
    starts = session.scalars(sa.select(PollSlot.start_time).order_by(PollSlot.start_time)).all()
    assert [world.local.full_day_time(start) for start in starts] == [
        "Thu 15 Jan 2026, 10:00",
        "Fri 16 Jan 2026, 14:30",
    ]
    zones = session.scalars(sa.select(PollInvitee.timezone).order_by(PollInvitee.poll_invitee_id)).all()
    assert zones == [None, "America/New_York"]
    assert count(session, MailMessage) == 2
    page = desk.get(answer.location)
    assert "Annual review" in page.text
    assert "2 invitees get an e-mail" in page.text
    assert faults(page.text) == []


@pytest.mark.parametrize(
    ("field", "value", "shown", "sentence"),
    [
        ("title", "", "title", "Enter what the meeting is about."),
        ("slots-1-time", "", "slots-1-time", "Enter a time such as 14:30."),
        ("slots-1-day", "", "slots-1-day", "Enter a day."),
        ("slots-1-day", "2026-99-99", "slots-1-day", "Enter a date"),
        ("slots-1-time", "half past", "slots-1-time", "Enter a time such as 14:30."),
        ("slots-1-day", "2026-01-12", "slots-1-time", "This time has passed."),
        ("deadline-day", "2026-01-16", "deadline-time", "before the first proposed time"),
        ("minutes", "4", "minutes", "Enter a length from 5 to 720 minutes."),
        ("minutes", "²", "minutes", "Enter a length from 5 to 720 minutes."),
        ("invitees-0-email", "clara", "invitees-0-email", "Enter an e-mail address such as"),
        ("invitees-1-email", "clara@wren.example", "invitees-1-email", "is invited already"),
        ("invitees-1-timezone", "Mars/Base", "invitees-1-email", "Choose a time zone"),
        ("invitees-0-required", "no", "invitees-0-email", "at least one invitee who is required"),
        ("staff_user_id", "999", "staff_user_id", "Choose a member of staff"),
    ],
)
def test_what_cannot_be_a_poll_comes_back_with_a_sentence(
    desk: FlaskClient, session: Session, world: World, field: str, value: str, shown: str, sentence: str
) -> None:
    answer = desk.post("/polls/new", data=typed(world, **{field: value}))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert f'href="#{shown}"' in answer.text
    assert "Annual review" in answer.text or field == "title"
    assert "piet@wren.example" in answer.text or field == "invitees-1-email"
    assert faults(answer.text) == []
    assert count(session, Poll) == 0


@pytest.mark.parametrize("nonsense", ["x", "-1", "9" * 30, "²", "", "\x00"])
@pytest.mark.parametrize("field", ["staff_user_id", "appointment_type_id", "minutes", "slots-0-which"])
def test_nonsense_for_a_number_is_no_server_error(
    desk: FlaskClient, session: Session, world: World, field: str, nonsense: str
) -> None:
    harmless = field == "slots-0-which" or (field, nonsense) == ("minutes", "")
    answer = desk.post("/polls/new", data=typed(world, **{field: nonsense}))
    assert answer.status_code == (303 if harmless else 422)
    assert count(session, Poll) == harmless


def test_a_time_that_the_clocks_skip_or_repeat_is_asked_back(
    desk: FlaskClient, session: Session, world: World
) -> None:
    skipped = {"slots-1-day": "2026-03-29", "slots-1-time": "01:30"}
    answer = desk.post("/polls/new", data=typed(world, **skipped))
    assert answer.status_code == 422
    assert "has no 01:30 in London" in answer.text
    repeated = {"slots-1-day": "2026-10-25", "slots-1-time": "01:30"}
    answer = desk.post("/polls/new", data=typed(world, **repeated))
    assert "has 01:30 twice in London" in answer.text
    assert 'name="slots-1-which"' in answer.text
    answer = desk.post("/polls/new", data=typed(world, **repeated, **{"slots-1-which": "second"}))
    assert answer.status_code == 303
    session.rollback()
    latest = session.scalar(sa.select(sa.func.max(PollSlot.start_time)))
    assert latest == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_times_that_overlap_are_refused(desk: FlaskClient, session: Session, world: World) -> None:
    near = {"slots-2-day": "2026-01-15", "slots-2-time": "10:20"}
    answer = desk.post("/polls/new", data=typed(world, **near))
    assert answer.status_code == 422
    assert "This time overlaps another one that is proposed." in answer.text
    assert 'href="#slots-2-time"' in answer.text
    assert 'value="10:20"' in answer.text
    assert count(session, Poll) == 0


def test_one_time_too_many_is_refused_and_nothing_typed_is_lost(
    desk: FlaskClient, session: Session, world: World
) -> None:
    many = {f"slots-{n}-day": f"2026-02-{n + 1:02}" for n in range(2, 22)}
    many |= {f"slots-{n}-time": "09:00" for n in range(2, 22)}
    answer = desk.post("/polls/new", data=typed(world, **many))
    assert answer.status_code == 422
    assert "A poll has at most 20 times." in answer.text
    assert 'value="2026-02-22"' in answer.text
    assert count(session, Poll) == 0


def test_one_invitee_too_many_is_refused_and_nothing_typed_is_lost(
    desk: FlaskClient, session: Session, world: World
) -> None:
    crowd = {f"invitees-{n}-name": f"P{n}" for n in range(2, 31)}
    crowd |= {f"invitees-{n}-email": f"p{n}@x.example" for n in range(2, 31)}
    answer = desk.post("/polls/new", data=typed(world, **crowd))
    assert answer.status_code == 422
    assert "A poll has at most 30 invitees." in answer.text
    assert "p30@x.example" in answer.text
    assert count(session, Poll) == 0


@pytest.mark.parametrize("row", ["²", "9" * 5000, "-1", "x"])
def test_rows_that_no_page_numbers_are_not_read(
    desk: FlaskClient, session: Session, world: World, row: str
) -> None:
    odd = {f"slots-{row}-day": "2026-02-01", f"invitees-{row}-name": "Nobody"}
    assert desk.post("/polls/new", data=typed(world, **odd)).status_code == 303
    assert count(session, PollSlot) == 2


def test_the_calendar_is_looked_up_before_anything_is_sent(
    desk: FlaskClient, session: Session, world: World
) -> None:
    taken = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
    booking.book(session, actor=world.acting(), draft=draft(world, start=taken), now=world.now)
    session.commit()
    answer = desk.post("/polls/new", data=typed(world, step="check"))
    assert answer.status_code == 200
    assert answer.text.index(">Busy<") < answer.text.index(">Free<")
    assert "piet@wren.example" in answer.text
    answer = desk.post("/polls/new", data=typed(world, step="check", **{"slots-1-time": "noonish"}))
    assert answer.status_code == 422
    assert "Enter a time such as 14:30." in answer.text
    assert count(session, Poll) == 0


def test_more_rows_are_added_without_script_and_typing_stays(desk: FlaskClient, world: World) -> None:
    for step, name in (("more-slots", "slots-5-day"), ("more-invitees", "invitees-5-name")):
        answer = desk.post("/polls/new", data=typed(world, step=step))
        assert answer.status_code == 200
        assert f'name="{name}"' in answer.text
        assert 'value="Annual review"' in answer.text
