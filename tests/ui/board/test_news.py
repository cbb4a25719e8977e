"""The board's look for news while it is open."""

import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, make_world
from tests.ui.board.conftest import TODAY, look, one_engine
from tests.ui.pages import parse
from webapp.lifecycle import appointments
from webapp.models import Appointment, StaffUser
from webapp.vocabulary import CancelledBy, Role, Status


def test_while_nothing_changes_the_answer_is_empty(
    desk: FlaskClient, every: dict[Status, Appointment]
) -> None:
    answer = look(desk)()
    assert (answer.status_code, answer.get_data()) == (304, b"")


def test_what_falls_due_by_itself_is_told_within_a_minute(
    desk: FlaskClient, every: dict[Status, Appointment], moved_clock: Any
) -> None:
    asked = look(desk)
    moved_clock.pass_(seconds=60)
    answer = asked()
    assert answer.status_code == 200
    assert not parse(answer).all(cls="notice")


@one_engine
def test_another_role_has_another_tag(
    desk: FlaskClient, session: Session, world: World, every: dict[Status, Appointment]
) -> None:
    asked = look(desk)
    assert asked().status_code == 304
    session.get_one(StaffUser, world.staff.staff_user_id).role = Role.VIEWER
    session.commit()
    assert asked().status_code == 200


def cancelled_by(
    user: StaffUser, session: Session, world: World, appointment: Appointment, now: datetime
) -> None:
    appointments.cancel(
        session,
        appointment,
        actor=world.acting(user),
        reason="Ill",
        cancelled_by=CancelledBy.CLIENT,
        now=now,
    )
    session.commit()


def test_others_changes_are_told(
    desk: FlaskClient, session: Session, world: World, every: dict[Status, Appointment], moved_clock: Any
) -> None:
    asked = look(desk)
    cancelled_by(world.staff2, session, world, every[Status.CONFIRMED], moved_clock.pass_(seconds=20))
    page = parse(asked())
    notice = page.one(cls="notice")
    assert notice.one("h2").text == "1 change by others"
    assert [line.text for line in notice.all("li")] == ["Tomas Novak cancelled it: Ada Byron, 07:00"]
    assert notice.one("a").attrs["href"] == TODAY
    assert page.one(id="count-confirmed").text == "0"
    assert page.one(id="count-cancelled").text == "2"
    again = json.loads(page.one(id="changes").attrs["hx-headers"])
    assert desk.get(f"{TODAY}/changes", headers=again).status_code == 304


def test_ones_own_changes_move_the_counts_without_a_notice(
    desk: FlaskClient, session: Session, world: World, every: dict[Status, Appointment], moved_clock: Any
) -> None:
    asked = look(desk)
    cancelled_by(world.staff, session, world, every[Status.CONFIRMED], moved_clock.pass_(seconds=20))
    answer = asked()
    page = parse(answer)
    assert answer.status_code == 200
    assert not page.all(cls="notice")
    assert page.one(id="count-cancelled").text == "2"


def test_what_changed_on_another_day_is_no_news(
    desk: FlaskClient, session: Session, world: World, every: dict[Status, Appointment], moved_clock: Any
) -> None:
    tomorrow = at_status(session, Status.CONFIRMED, world, start=world.now + DAY + timedelta(hours=6))
    asked = look(desk)
    cancelled_by(world.staff2, session, world, tomorrow, moved_clock.pass_(seconds=20))
    assert asked().status_code == 304


@one_engine
def test_another_firms_changes_are_no_news(
    desk: FlaskClient, session: Session, every: dict[Status, Appointment], moved_clock: Any
) -> None:
    asked = look(desk)
    other = make_world(session, "other")
    at_status(session, Status.CONFIRMED, other, start=other.now)
    moved_clock.pass_(seconds=20)
    assert asked().status_code == 304


@one_engine
@pytest.mark.parametrize(
    "since",
    [
        "",
        "yesterday",
        "2026-01-13",
        "2026-01-13T09:00:00",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
    ],
)
def test_a_broken_mark_or_time_is_answered_all_the_same(desk: FlaskClient, since: str) -> None:
    answer = desk.get(f"{TODAY}/changes?{urlencode({'since': since})}")
    assert answer.status_code == 200
