"""The steps that staff take with a poll: hold, another time, confirm, call off, remind, links."""

import re

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, draft
from tests.support.polls import cast, faults, make_poll, people, slot_ids, spans
from tests.ui.pages import parse
from tests.ui.polls.conftest import HOLD, SignedIn, count, fresh, path_to_hold
from webapp.lifecycle import booking
from webapp.lifecycle.polls import answering
from webapp.models import Appointment, MailMessage, PollInvitee, PollSlot
from webapp.queries import invariants
from webapp.vocabulary import Answer, PollStatus, Status, Vote

pytestmark = pytest.mark.one_engine  # the lifecycle's tests run on both; the pages only show


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
