"""The pages of polls: the list, a new one, the grid, and every step that staff take."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import DAY, World, draft, make_world
from tests.support.polls import HOUR, cast, faults, make_poll, people, slot_ids, spans
from tests.ui.conftest import MovableClock
from tests.ui.pages import parse
from webapp.lifecycle import booking
from webapp.lifecycle.polls import answering
from webapp.lifecycle.polls.drafting import InviteeFacts
from webapp.models import Appointment, MailMessage, Poll, PollInvitee, PollSlot, StaffUser
from webapp.queries import invariants
from webapp.vocabulary import Answer, PollStatus, Status, Vote

pytestmark = pytest.mark.one_engine  # the lifecycle's tests run on both; the pages only show

SignedIn = Callable[[StaffUser], FlaskClient]


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


def count(session: Session, model: type) -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def fresh(session: Session, poll: Poll) -> Poll:
    session.rollback()
    session.refresh(poll)
    return poll


def path_to_hold(session: Session, poll: Poll, slot: int = 0) -> str:
    return f"/polls/{poll.poll_id}/slots/{slot_ids(session, poll)[slot]}/holding"


HOLD = {"confirm_by-day": "2026-01-14", "confirm_by-time": "12:00"}


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


def test_the_page_shows_who_said_what(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    clara, piet, _yusuf = people(session, poll)
    cast(session, poll, clara, [Vote.YES, Vote.NO, Vote.IF_NEED_BE], world.now)
    cast(session, poll, piet, [Vote.YES, Vote.YES, Vote.NO], world.now)
    taken = spans(world)[2].start_time
    booking.book(session, actor=world.acting(), draft=draft(world, start=taken), now=world.now)
    session.commit()
    page = desk.get(f"/polls/{poll.poll_id}").text
    for words in (
        "Yes",
        "If need be",
        "No reply",
        "Busy",
        "Free",
        "Best",
        "Optional",
        "2 of 3 invitees replied",
    ):
        assert words in page
    assert "Sat 17 Jan, 10:00 can’t be held: Lena Fischer has another appointment then." in page
    assert page.count("Hold…") == 2
    assert '<tr class="poll__act no-print">' in page
    assert faults(page) == []


def test_the_page_takes_a_fixed_number_of_statements(
    desk: FlaskClient, session: Session, world: World
) -> None:
    crowd = [InviteeFacts(name=f"P{n}", email=f"p{n}@x.example") for n in range(30)]
    small, large = make_poll(session, world, slots=1), make_poll(session, world, slots=20, invitees=crowd)
    for invitee in people(session, large):
        cast(session, large, invitee, [Vote.YES] * 20, world.now)
    session.commit()
    with desk.application.app_context():
        target = desk.application.extensions["sqlalchemy"].engine
    assert statements(desk, target, small) == statements(desk, target, large) <= 8


def statements(desk: FlaskClient, target: Engine, poll: Poll) -> int:
    """How many SQL statements the poll's page takes."""
    seen: list[str] = []

    def listen(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    sa.event.listen(target, "before_cursor_execute", listen)
    assert desk.get(f"/polls/{poll.poll_id}").status_code == 200
    sa.event.remove(target, "before_cursor_execute", listen)
    return len([one for one in seen if not one.startswith(("BEGIN", "PRAGMA"))])


def test_a_poll_is_held_confirmed_and_shown(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    path = path_to_hold(session, poll)
    form = desk.get(path)
    assert "Hold a time" in form.text
    assert faults(form.text) == []
    data = HOLD | {"version": "1", "form_token": "t", "reason": "Best match"}
    for _ in range(2):
        assert desk.post(path, data=data).status_code == 303
    assert count(session, Appointment) == 1
    page = desk.get(f"/polls/{poll.poll_id}").text
    assert "Awaiting confirmation" in page
    assert "Reason: Best match" in page
    assert "Hold instead…" in page
    session.rollback()
    held = session.scalar(sa.select(Appointment.appointment_id))
    assert f'href="/polls/{poll.poll_id}">Open poll' in desk.get(f"/appointments/{held}").text
    assert faults(page) == []
    confirmation = desk.get(f"/polls/{poll.poll_id}/confirmation")
    assert "Clara Wren, Piet Wren have not accepted." in confirmation.text
    assert desk.post(f"/polls/{poll.poll_id}/confirmation", data={"version": "2"}).status_code == 303
    assert fresh(session, poll).status is PollStatus.CONFIRMED
    assert session.scalar(sa.select(Appointment.status)) is Status.CONFIRMED
    assert list(invariants.check(session)) == []


def test_another_time_is_held_instead(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    desk.post(path_to_hold(session, poll), data=HOLD)
    form = desk.get(path_to_hold(session, poll, 1))
    assert "Thu 15 Jan, 10:00 is given up, and everybody is asked afresh." in form.text
    assert desk.post(path_to_hold(session, poll, 1), data=HOLD | {"version": "2"}).status_code == 303
    session.rollback()
    statuses = session.scalars(sa.select(Appointment.status).order_by(Appointment.appointment_id)).all()
    assert statuses == [Status.CANCELLED, Status.AWAITING_CONFIRMATION]
    assert list(invariants.check(session)) == []


def test_a_time_that_was_taken_is_not_held(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    taken = spans(world)[0].start_time
    booking.book(session, actor=world.acting(), draft=draft(world, start=taken), now=world.now)
    session.commit()
    answer = desk.post(path_to_hold(session, poll), data=HOLD)
    assert answer.status_code == 409
    assert "Lena Fischer has another appointment" in answer.text
    assert fresh(session, poll).status is PollStatus.OPEN


def test_of_two_who_hold_one_is_told_who_was_first(
    desk: FlaskClient, signed_in: SignedIn, session: Session, world: World
) -> None:
    poll = make_poll(session, world)
    other = signed_in(world.manager)
    assert desk.post(path_to_hold(session, poll), data=HOLD | {"version": "1"}).status_code == 303
    answer = other.post(path_to_hold(session, poll, 1), data=HOLD | {"version": "1"})
    assert answer.status_code == 409
    assert "Lena Fischer held a time after this page was made" in answer.text
    assert faults(answer.text) == []
    assert count(session, Appointment) == 1


def test_a_decline_is_told_on_page_list_and_navigation(
    desk: FlaskClient, session: Session, world: World
) -> None:
    poll = make_poll(session, world)
    desk.post(path_to_hold(session, poll), data=HOLD)
    session.rollback()
    answering.answer(
        session,
        firm_id=poll.firm_id,
        poll_invitee_id=people(session, poll)[0].poll_invitee_id,
        poll_slot_id=slot_ids(session, poll)[0],
        given=Answer.DECLINED,
        now=world.now,
    )
    session.commit()
    assert "Clara Wren declined the held time" in desk.get(f"/polls/{poll.poll_id}").text
    listed = desk.get("/polls").text
    assert "Somebody who is required declined" in listed
    assert re.search(r'Polls <span id="nav-polls" class="count">1<', listed)
    assert "Somebody who is required declined" in desk.get("/day/2026-01-15").text


def test_a_poll_that_waits_for_a_decision_needs_attention_on_the_board(
    desk: FlaskClient, session: Session, world: World
) -> None:
    poll = make_poll(session, world)
    assert "Nothing needs attention." in desk.get("/day/2026-01-13").text
    for invitee in people(session, poll):
        cast(session, poll, invitee, [Vote.YES], world.now)
    session.commit()
    strip = parse(desk.get("/day/2026-01-13")).one(id="attention")
    link = next(link for link in strip.all("a") if link.attrs["href"] == "/polls")
    assert link.one(cls="attn__n").text == "1"
    assert link.one(cls="attn__w").text == "poll to decide on"
    desk.post(path_to_hold(session, poll), data=HOLD)
    strip = parse(desk.get("/day/2026-01-13")).one(id="attention")
    assert "/polls" not in [link.attrs["href"] for link in strip.all("a")]


def test_a_poll_is_called_off_with_a_reason(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    path = f"/polls/{poll.poll_id}/cancellation"
    assert desk.post(path, data={"reason": " "}).status_code == 422
    assert desk.post(path, data={"reason": "Not needed", "version": "1"}).status_code == 303
    assert fresh(session, poll).status is PollStatus.CANCELLED
    assert desk.post(path, data={"reason": "Again"}).status_code == 409
    assert "Reason: Not needed" in desk.get(f"/polls/{poll.poll_id}").text
    assert count(session, MailMessage) == 3


def test_an_open_poll_is_edited(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    path = f"/polls/{poll.poll_id}/edit"
    assert faults(desk.get(path).text) == []
    data = {
        "version": "1",
        "deadline-day": "2026-01-14",
        "deadline-time": "11:00",
        "slots-0-day": "2026-01-20",
        "slots-0-time": "09:00",
        "invitees-0-name": "Nora",
        "invitees-0-email": "nora@wren.example",
    }
    assert desk.post(path, data=data).status_code == 303
    assert (count(session, PollSlot), count(session, PollInvitee), count(session, MailMessage)) == (4, 4, 1)
    assert desk.post(path, data={"version": "2"}).status_code == 422
    assert desk.post(path, data=data | {"form_token": "x"}).status_code == 409


def test_silent_invitees_are_reminded_once_per_form(
    desk: FlaskClient, session: Session, world: World
) -> None:
    poll = make_poll(session, world)
    cast(session, poll, people(session, poll)[0], [Vote.YES], world.now)
    session.commit()
    for _ in range(2):
        answer = desk.post(f"/polls/{poll.poll_id}/reminder", data={"form_token": "once"})
        assert answer.status_code == 303
    assert count(session, MailMessage) == 2
    assert "Reminded 10:00, again possible from 14:00." in desk.get(f"/polls/{poll.poll_id}").text
    again = desk.post(f"/polls/{poll.poll_id}/reminder", data={"form_token": "another"})
    assert again.status_code == 409
    assert "They can be reminded again from 14:00." in again.text
    assert count(session, MailMessage) == 2
    desk.post(path_to_hold(session, poll), data=HOLD)
    assert desk.post(f"/polls/{poll.poll_id}/reminder", data={}).status_code == 303
    assert count(session, MailMessage) == 5


def test_links_are_shown_work_and_are_revoked(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    page = desk.post(f"/polls/{poll.poll_id}/links").text
    links = [part.split('"')[0] for part in page.split('value="http://127.0.0.1:8000')[1:]]
    assert len(links) == len(set(links)) == 3
    assert desk.get(links[0]).status_code == 200
    assert desk.post(f"/polls/{poll.poll_id}/links").text.count(links[0]) == 1
    clara = people(session, poll)[0].poll_invitee_id
    revoked = desk.post(f"/polls/{poll.poll_id}/invitees/{clara}/revocation")
    assert revoked.status_code == 303
    assert desk.get(links[0]).status_code == 404
    assert desk.get(links[1]).status_code == 200


def test_what_is_new_comes_by_itself_and_the_rest_is_told(
    desk: FlaskClient, session: Session, world: World
) -> None:
    poll = make_poll(session, world)
    page = desk.get(f"/polls/{poll.poll_id}").text
    seen = page.split('"seen": "')[1].split('"')[0]
    structure = page.split('"structure": "')[1].split('"')[0]
    asked = {"seen": seen, "structure": structure}
    path = f"/polls/{poll.poll_id}/changes"
    assert desk.get(path, query_string=asked).status_code == 204
    cast(session, poll, people(session, poll)[0], [Vote.YES], world.now)
    session.commit()
    news = desk.get(path, query_string=asked)
    assert news.status_code == 200
    assert 'hx-target="#poll-votes"' in news.text
    assert "This poll has changed" not in news.text
    desk.post(path_to_hold(session, poll), data=HOLD)
    news = desk.get(path, query_string=asked)
    assert "This poll has changed" in news.text
    assert "poll-votes" not in news.text


def test_a_viewer_looks_and_does_nothing(signed_in: SignedIn, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    viewer = signed_in(world.viewer)
    page = viewer.get(f"/polls/{poll.poll_id}").text
    assert "Hold…" not in page
    assert "Personal links" not in page
    for path in ("/polls/new", path_to_hold(session, poll), *paths(poll)):
        assert viewer.post(path, data=HOLD).status_code == 403
    assert fresh(session, poll).version == 1


def paths(poll: Poll) -> list[str]:
    steps = ("confirmation", "cancellation", "edit", "reminder", "links", "invitees/1/revocation")
    return [f"/polls/{poll.poll_id}/{step}" for step in steps]


def test_another_firms_poll_is_missing(desk: FlaskClient, session: Session, world: World) -> None:
    theirs = make_poll(session, make_world(session, "other"))
    for path in (f"/polls/{theirs.poll_id}", f"/polls/{theirs.poll_id}/changes", "/polls/999999"):
        assert desk.get(path).status_code == 404
    for path in (path_to_hold(session, theirs), *paths(theirs)):
        assert desk.post(path, data=HOLD | {"reason": "x"}).status_code == 404
    assert "Wren Trust" not in desk.get("/polls").text
    mine = make_poll(session, world)
    crossed = f"/polls/{mine.poll_id}/slots/{slot_ids(session, theirs)[0]}/holding"
    assert desk.post(crossed, data=HOLD).status_code == 404
    stranger = people(session, theirs)[0].poll_invitee_id
    assert desk.post(f"/polls/{mine.poll_id}/invitees/{stranger}/revocation").status_code == 404


def test_forged_requests_are_refused(desk: FlaskClient, session: Session, world: World) -> None:
    poll = make_poll(session, world)
    desk.application.config["WTF_CSRF_ENABLED"] = True
    for path in (path_to_hold(session, poll), *paths(poll)):
        assert desk.post(path, data=HOLD).status_code == 400
    assert fresh(session, poll).version == 1


def test_voting_that_has_closed_is_told_and_a_time_can_still_be_held(
    signed_in: SignedIn, session: Session, world: World, moved_clock: MovableClock
) -> None:
    poll = make_poll(session, world)
    moved_clock.now = world.now + DAY + HOUR
    desk = signed_in(world.staff)
    assert "Voting closed" in desk.get(f"/polls/{poll.poll_id}").text
    assert "Voting has closed: hold a time" in desk.get("/polls").text
    data = {"confirm_by-day": "2026-01-15", "confirm_by-time": "09:00"}
    assert desk.post(path_to_hold(session, poll), data=data).status_code == 303
