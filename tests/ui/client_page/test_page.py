"""The page behind a client's personal link: what it shows, to whom, and links that open nothing."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_world
from tests.support.html import Page
from tests.ui.client_page.conftest import Made, fields, link_to, rule, statements
from tests.ui.conftest import MovableClock, fresh
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    Contact,
    PersonalLink,
    StaffUser,
    Submission,
)
from webapp.vocabulary import Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what it does is tested on both in tests/lifecycle/test_limits.py


GONE = "This link does not work"


def everything(session: Session) -> list[Any]:
    session.rollback()
    tables = (Appointment, AppointmentStatusHistory, PersonalLink, Submission)
    return [session.execute(sa.select(table.__table__)).all() for table in tables]


def test_it_shows_the_appointment_and_changes_nothing(
    client: FlaskClient, booked: Made, session: Session
) -> None:
    before = everything(session)
    for path in ("", "/cancellation", "/rescheduling", "/slots", "/slots?day=2026-01-15"):
        assert client.get(f"/c/{booked[1]}{path}").status_code == 200
        assert client.head(f"/c/{booked[1]}{path}").status_code == 200
    assert everything(session) == before
    text = client.get(f"/c/{booked[1]}").text
    for words in (
        "Marlow",
        "Lena Fischer",
        "Review",
        "Wed 14 Jan 2026",
        "10:00–10:45",
        "This appointment is confirmed",
    ):
        assert words in text
    assert Page(text).headings == ["Your appointment with Marlow"]


def test_steps_are_never_taken_by_looking(client: FlaskClient, proposed: Made, session: Session) -> None:
    assert client.get(f"/c/{proposed[1]}/confirmation").status_code == 405
    fresh(session, proposed[0])
    assert proposed[0].status is Status.AWAITING_CONFIRMATION


def test_the_address_is_told_to_nobody_and_not_listed(client: FlaskClient, booked: Made) -> None:
    for path in (f"/c/{booked[1]}", f"/c/{booked[1]}/cancellation", "/c/forged"):
        answer = client.get(path)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert answer.headers["Cache-Control"] == "no-store"


def test_it_shows_both_clocks_where_they_differ(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    session.execute(sa.update(Contact).values(timezone="Asia/Tokyo"))
    session.commit()
    text = client.get(f"/c/{booked[1]}").text
    assert "19:00–19:45" in text
    assert "Tokyo (JST)" in text
    assert "10:00–10:45 at Marlow, London (GMT)" in text


def test_it_is_the_same_page_for_who_is_signed_in(
    signed_in: Callable[[StaffUser], FlaskClient], world: World, booked: Made
) -> None:
    text = signed_in(world.manager).get(f"/c/{booked[1]}").text
    assert "Daniel Osei" not in text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.REQUESTED, "has not answered yet"),
        (Status.COMPLETED, "took place"),
        (Status.NO_SHOW, "did not take place"),
        (Status.CANCELLED, "cancelled at your side"),
        (Status.RESCHEDULED, "This appointment is confirmed. It was moved"),
    ],
)
def test_every_status_has_a_calm_sentence(
    client: FlaskClient,
    session: Session,
    world: World,
    moved_clock: MovableClock,
    status: Status,
    words: str,
) -> None:
    appointment = at_status(session, status, world)
    token = link_to(session, world, appointment)
    answer = client.get(f"/c/{token}")
    assert answer.status_code == 200
    assert words in " ".join(answer.text.split())
    if status is not Status.RESCHEDULED:
        assert "client__acts" not in answer.text
        assert client.get(f"/c/{token}/cancellation").status_code == 303


def break_link(session: Session, world: World, appointment: Appointment, token: str, how: str) -> str:
    """A token that opens nothing, for one of the reasons there are."""
    if how == "forged":
        return token[:-2] + ("aa" if not token.endswith("aa") else "bb")
    if how == "unknown":
        return "x" * 400
    if how == "of an invitee":
        return "0"
    if how == "switched off":
        rule(session, world, client_links=False)
        return token
    late = {"expires_at": world.now} if how == "expired" else {"revoked_at": world.now}
    session.execute(sa.update(PersonalLink).values(**late))
    session.commit()
    return token


def text_of(page: str) -> str:
    """The page without its token against forged requests, which carries the second it was made in."""
    return re.sub(r'"X-CSRFToken":"[^"]*"', "", page)


@pytest.mark.parametrize("how", ["forged", "unknown", "of an invitee", "switched off", "expired", "revoked"])
def test_links_that_open_nothing_are_all_alike(
    app: Flask, client: FlaskClient, booked: Made, session: Session, world: World, how: str
) -> None:
    plain = text_of(client.get("/c/forged").text)
    token = break_link(session, world, booked[0], booked[1], how)
    sent = {"version": booked[0].version, "booking": booked[0].appointment_id, "reason": "Ill"}
    before = everything(session)
    for path in ("", "/cancellation", "/rescheduling", "/slots"):
        with statements(app) as seen:
            answer = client.get(f"/c/{token}{path}")
        assert (answer.status_code, text_of(answer.text), len(seen)) == (404, plain, 1), path
    for path in ("/confirmation", "/cancellation", "/rescheduling"):
        with statements(app) as seen:
            answer = client.post(f"/c/{token}{path}", data=sent)
        assert (answer.status_code, text_of(answer.text), len(seen)) == (404, plain, 1), path
    assert GONE in plain
    assert everything(session) == before


def test_a_link_opens_its_own_firm_alone(
    client: FlaskClient, booked: Made, session: Session, moved_clock: MovableClock
) -> None:
    other = make_world(session, slug="ashford")
    theirs = at_status(session, Status.CONFIRMED, other)
    sent = {"version": theirs.version, "booking": theirs.appointment_id, "reason": "Ill", "form_token": "x"}
    answer = client.post(f"/c/{booked[1]}/cancellation", data=sent)
    assert answer.status_code == 409
    for appointment in (theirs, booked[0]):
        fresh(session, appointment)
        assert appointment.status is Status.CONFIRMED
    token = link_to(session, other, theirs)
    assert "Ashford" in client.get(f"/c/{token}").text


def test_seeing_it_costs_two_statements_and_choosing_one_more(
    app: Flask, client: FlaskClient, booked: Made
) -> None:
    for path, most in (("", 2), ("/cancellation", 2), ("/rescheduling", 3), ("/slots", 3)):
        with statements(app) as seen:
            client.get(f"/c/{booked[1]}{path}")
        assert len(seen) == most, (path, seen)


def test_a_form_without_its_token_is_shown_again(app: Flask, booked: Made, session: Session) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client, (appointment, token) = app.test_client(), booked
    path = f"/c/{token}/cancellation"
    sent = fields(client, path) | {"reason": "Ill"}
    stale = client.post(path, data=sent | {"csrf_token": "x"})
    assert stale.status_code == 422
    assert "try again" in stale.text
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED
    again = dict(Page(stale.text).form(path).fields) | {"reason": "Ill"}
    assert client.post(path, data=again).status_code == 303


@pytest.mark.parametrize("text", ["\x00", "x" * 501, "<script>alert(1)</script>"])
def test_no_text_breaks_it(client: FlaskClient, booked: Made, text: str) -> None:
    path = f"/c/{booked[1]}/cancellation"
    answer = client.post(path, data=fields(client, path) | {"reason": text})
    assert answer.status_code in {303, 422}
    assert "<script>alert" not in client.get(f"/c/{booked[1]}").text
