"""The page behind a client's personal link, and the link as staff hand it out."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World, at_status, make_contact, make_world
from tests.support.html import Page
from tests.ui.conftest import MovableClock, fresh
from webapp.lifecycle import appointments, client_requests, links
from webapp.lifecycle.appointments import NewSlot
from webapp.models import (
    Appointment,
    AppointmentStatusHistory,
    AuditEvent,
    Contact,
    Firm,
    PersonalLink,
    Poll,
    StaffUser,
    Submission,
)
from webapp.queries import invariants
from webapp.ui.when import value_of
from webapp.vocabulary import CancelledBy, PollStatus, Status

pytestmark = pytest.mark.one_engine(
    "sqlite"
)  # what it does is tested on both in tests/lifecycle/test_limits.py

GONE = "This link does not work"
Made = tuple[Appointment, str]
SECRET = "a key for tests, long enough and known to everyone"


def link_to(session: Session, world: World, appointment: Appointment, *, keep: timedelta = 30 * DAY) -> str:
    token = links.issue(
        session,
        secret=SECRET,
        firm_id=world.firm.firm_id,
        appointment_id=appointment.appointment_id,
        contact_id=appointment.contact_id,
        expires_at=appointment.end_time + keep,
        now=world.now,
    )
    session.commit()
    return token


@pytest.fixture
def booked(session: Session, world: World, moved_clock: MovableClock) -> Made:
    """Ada's meeting tomorrow at ten, and her link."""
    appointment = at_status(session, Status.CONFIRMED, world)
    return appointment, link_to(session, world, appointment)


@pytest.fixture
def proposed(session: Session, world: World, moved_clock: MovableClock) -> Made:
    """A time that the firm holds for Ada until it begins, and her link."""
    appointment = at_status(session, Status.AWAITING_CONFIRMATION, world)
    return appointment, link_to(session, world, appointment)


def fields(client: FlaskClient, path: str, action: str = "") -> dict[str, str]:
    """What the form on a page would send."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.location
    return dict(Page(answer.text).form(action or path).fields)


def rows(session: Session, appointment_id: int) -> list[AppointmentStatusHistory]:
    session.rollback()
    return list(
        session.scalars(
            sa.select(AppointmentStatusHistory)
            .where(AppointmentStatusHistory.appointment_id == appointment_id)
            .order_by(AppointmentStatusHistory.sequence)
        )
    )


def last(session: Session, appointment: Appointment) -> AppointmentStatusHistory:
    return rows(session, appointment.appointment_id)[-1]


def successor(session: Session, appointment: Appointment) -> Appointment:
    session.rollback()
    return session.scalars(
        sa.select(Appointment).where(Appointment.rescheduled_from_id == appointment.appointment_id)
    ).one()


def everything(session: Session) -> list[Any]:
    session.rollback()
    tables = (Appointment, AppointmentStatusHistory, PersonalLink, Submission)
    return [session.execute(sa.select(table.__table__)).all() for table in tables]


def rule(session: Session, world: World, **values: Any) -> None:
    session.execute(sa.update(Firm).where(Firm.firm_id == world.firm.firm_id).values(**values))
    session.commit()


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Every SQL statement of the application while this lasts."""
    seen: list[str] = []

    def note(_c: Any, _cur: Any, text: str, *_more: Any) -> None:
        if not text.startswith(("BEGIN", "PRAGMA")):
            seen.append(text)

    with app.app_context():
        engine = app.extensions["sqlalchemy"].engines[None]
    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


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


def test_the_client_confirms(client: FlaskClient, proposed: Made, session: Session) -> None:
    appointment, token = proposed
    path = f"/c/{token}/confirmation"
    answer = client.post(path, data=fields(client, f"/c/{token}", path))
    assert (answer.status_code, answer.location) == (303, f"/c/{token}")
    row = last(session, appointment)
    assert (row.action, row.to_status, row.reason) == ("confirm", "confirmed", "Accepted by Ada Byron")
    assert (row.actor_kind, row.changed_by_id) == ("system", None)
    assert "the appointment is confirmed" in client.get(f"/c/{token}").text
    assert not list(invariants.check(session))


def test_the_client_declines_with_a_reason_whatever_the_notice(
    client: FlaskClient, proposed: Made, session: Session, world: World
) -> None:
    rule(session, world, cancel_notice=7 * 24 * 60)
    appointment, token = proposed
    path = f"/c/{token}/cancellation"
    answer = client.post(path, data=fields(client, path) | {"reason": "I am away"})
    assert answer.status_code == 303
    fresh(session, appointment)
    assert (appointment.status, appointment.cancelled_by) == (Status.CANCELLED, CancelledBy.CLIENT)
    row = last(session, appointment)
    assert (row.reason, row.actor_kind, row.actor_label) == ("I am away", "client", "Ada Byron")


def test_after_the_deadline_there_is_nothing_to_answer(
    client: FlaskClient, proposed: Made, session: Session, moved_clock: MovableClock
) -> None:
    appointment, token = proposed
    sent = fields(client, f"/c/{token}", f"/c/{token}/confirmation")
    moved_clock.now = appointment.confirm_by or moved_clock.now
    assert "The time to answer has passed" in client.get(f"/c/{token}").text
    answer = client.post(f"/c/{token}/confirmation", data=sent)
    assert answer.status_code == 409
    assert "Nothing was changed" in answer.text
    fresh(session, appointment)
    assert appointment.status is Status.AWAITING_CONFIRMATION


def test_who_is_one_of_several_answers_by_the_poll(
    client: FlaskClient, proposed: Made, session: Session, world: World
) -> None:
    appointment, token = proposed
    session.add(
        Poll(
            firm_id=world.firm.firm_id,
            title="Year end",
            appointment_type_id=world.kind.appointment_type_id,
            staff_user_id=world.staff.staff_user_id,
            deadline=world.now + DAY,
            status=PollStatus.HELD,
            appointment_id=appointment.appointment_id,
            created_by_id=world.staff.staff_user_id,
            created_at=world.now,
        )
    )
    session.commit()
    text = client.get(f"/c/{token}").text
    assert "Answer by the link in your invitation" in text
    assert f"/c/{token}/confirmation" not in text
    answer = client.post(
        f"/c/{token}/confirmation",
        data={"version": appointment.version, "booking": appointment.appointment_id},
    )
    assert answer.status_code == 409


def test_the_client_cancels_with_a_reason(client: FlaskClient, booked: Made, session: Session) -> None:
    appointment, token = booked
    path = f"/c/{token}/cancellation"
    sent = fields(client, path)
    empty = client.post(path, data=sent)
    assert empty.status_code == 422
    assert "<title>Error: Cancel your appointment" in empty.text
    assert client.post(path, data=sent | {"reason": "Ill"}).status_code == 303
    fresh(session, appointment)
    assert (appointment.status, appointment.cancelled_by) == (Status.CANCELLED, CancelledBy.CLIENT)
    row = last(session, appointment)
    assert (row.reason, row.actor_kind, row.overrides) == ("Ill", "client", None)
    after = client.get(f"/c/{token}").text
    assert "cancelled at your side" in after
    assert "Reason given: Ill" in after


def test_a_second_arrival_of_the_same_form_has_no_second_effect(
    client: FlaskClient, booked: Made, session: Session
) -> None:
    appointment, token = booked
    path = f"/c/{token}/cancellation"
    sent = fields(client, path) | {"reason": "Ill"}
    assert [client.post(path, data=sent).status_code for _ in range(3)] == [303, 303, 303]
    assert len(rows(session, appointment.appointment_id)) == 2


def choose(client: FlaskClient, token: str, start: datetime) -> dict[str, str]:
    """The form of the page for moving, with a start chosen."""
    path = f"/c/{token}/rescheduling"
    found = client.get(f"{path}")
    assert found.status_code == 200
    sent = dict(Page(found.text).form(path).fields)
    for name in ("step", "time", "other"):
        sent.pop(name, None)
    return sent | {"day": start.date().isoformat(), "start": value_of(start)}


def test_the_client_moves_it_and_the_link_leads_on(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    start = world.at("2026-01-15 14:00")
    answer = client.post(f"/c/{token}/rescheduling", data=choose(client, token, start))
    assert (answer.status_code, answer.location) == (303, f"/c/{token}")
    new = successor(session, appointment)
    assert (new.start_time, new.end_time - new.start_time) == (start, LENGTH)
    assert new.staff_user_id == appointment.staff_user_id
    assert [row.actor_kind for row in rows(session, new.appointment_id)] == ["client"]
    assert last(session, appointment).actor_label == "Ada Byron"
    text = client.get(f"/c/{token}").text
    assert "Moved to Thu 15 Jan, 14:00" in text
    assert "Thu 15 Jan 2026" in text
    assert "It was moved; this is the new time" in text
    assert not list(invariants.check(session))


def test_the_link_lives_as_long_as_the_new_time_asks(
    client: FlaskClient, session: Session, world: World, moved_clock: MovableClock
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    token = link_to(session, world, appointment)
    start = world.at("2026-02-03 14:00")
    sent = choose(client, token, start)
    assert client.post(f"/c/{token}/rescheduling", data=sent).status_code == 303
    moved_clock.now = start + 29 * DAY
    assert client.get(f"/c/{token}").status_code == 200
    moved_clock.now = start + 31 * DAY
    assert client.get(f"/c/{token}").status_code == 404


@pytest.mark.parametrize(
    "wall", ["2026-01-15 14:07", "2026-01-15 05:00", "2026-01-17 10:00", "2026-01-13 09:00"]
)
def test_only_what_is_offered_can_be_chosen(
    client: FlaskClient, booked: Made, session: Session, world: World, wall: str
) -> None:
    """Not on the grid, before the day begins, on a day off, in the past."""
    appointment, token = booked
    answer = client.post(f"/c/{token}/rescheduling", data=choose(client, token, world.at(wall)))
    assert answer.status_code == 422
    assert "Choose" in answer.text
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED


def test_a_typed_time_is_not_listened_to(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    assert 'name="time"' not in client.get(f"/c/{token}/rescheduling").text
    sent = choose(client, token, world.at("2026-01-15 14:00")) | {"start": "typed", "time": "06:00"}
    assert client.post(f"/c/{token}/rescheduling", data=sent).status_code == 422
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED


def test_a_time_that_was_just_taken_is_said_so_and_what_was_typed_stays(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    _appointment, token = booked
    start = world.at("2026-01-15 14:00")
    sent = choose(client, token, start) | {"reason": "A train strike"}
    at_status(session, Status.CONFIRMED, world, start=start)
    answer = client.post(f"/c/{token}/rescheduling", data=sent)
    assert answer.status_code == 409
    assert "Just taken" in answer.text
    assert "A train strike" in answer.text


def test_times_are_chosen_by_the_clients_own_calendar(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    """Honolulu is ten hours behind London: Friday 09:00 there is Thursday 23:00 here."""
    appointment, token = booked
    session.execute(sa.update(Contact).values(timezone="Pacific/Honolulu"))
    session.commit()
    start = world.at("2026-01-16 09:00")
    page = client.get(f"/c/{token}/slots?day=2026-01-15").text
    assert f'value="{value_of(start)}"' in page
    assert "<b>23:00</b><span>09:00<" in page
    sent = choose(client, token, start) | {"day": "2026-01-15"}
    assert client.post(f"/c/{token}/rescheduling", data=sent).status_code == 303
    assert successor(session, appointment).start_time == start


@pytest.mark.parametrize(("day", "first"), [("2026-03-27", "09:00"), ("2026-03-30", "08:00")])
def test_the_hours_of_the_firm_hold_on_both_sides_of_a_change_of_clocks(
    client: FlaskClient, booked: Made, day: str, first: str
) -> None:
    """London's clocks go forward on 29 March 2026: its 09:00 is 09:00 UTC before, 08:00 UTC after."""
    page = client.get(f"/c/{booked[1]}/slots?other={day}").text
    assert f'value="{day}T{first}Z"' in page
    assert f'value="{day}T07:45Z"' not in page


def test_it_is_moved_up_to_the_limit_and_not_further(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    rule(session, world, reschedule_limit=2)
    appointment, token = booked
    assert "You can move it here 2 more times" in client.get(f"/c/{token}").text
    for hour in (11, 12):
        start = world.at(f"2026-01-15 {hour}:00")
        assert client.post(f"/c/{token}/rescheduling", data=choose(client, token, start)).status_code == 303
    text = client.get(f"/c/{token}").text
    assert "It was moved 2 times; the limit is 2." in text
    assert "lena@marlow.example" in text
    assert f"/c/{token}/rescheduling" not in text
    assert client.get(f"/c/{token}/rescheduling").status_code == 303
    end = successor(session, successor(session, appointment))
    sent = {
        "version": end.version,
        "booking": end.appointment_id,
        "start": value_of(world.at("2026-01-15 15:00")),
        "form_token": "anew",
    }
    answer = client.post(f"/c/{token}/rescheduling", data=sent)
    assert answer.status_code == 409
    assert "the limit is 2" in answer.text
    assert len(rows(session, end.appointment_id)) == 1


@pytest.mark.parametrize(
    ("rule_name", "step"), [("reschedule_notice", "rescheduling"), ("cancel_notice", "cancellation")]
)
def test_a_notice_is_said_in_advance_and_binds(
    client: FlaskClient,
    booked: Made,
    session: Session,
    world: World,
    moved_clock: MovableClock,
    rule_name: str,
    step: str,
) -> None:
    rule(session, world, **{rule_name: 120})
    appointment, token = booked
    assert "until Wed 14 Jan 2026, 08:00" in client.get(f"/c/{token}").text
    sent = choose(client, token, world.at("2026-01-15 14:00")) | {"reason": "Ill"}
    moved_clock.now = appointment.start_time - timedelta(minutes=119)
    text = client.get(f"/c/{token}").text
    assert "needs 2 h notice." in text
    assert "lena@marlow.example" in text
    assert f"/c/{token}/{step}" not in text
    answer = client.post(f"/c/{token}/{step}", data=sent)
    assert answer.status_code == 409
    assert "Call the firm instead" in answer.text
    fresh(session, appointment)
    assert appointment.status is Status.CONFIRMED


def test_staff_who_take_no_appointments_offer_no_times(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    session.execute(sa.update(StaffUser).where(StaffUser.name == "Lena Fischer").values(bookable=False))
    session.commit()
    assert "Lena Fischer offers no times" in client.get(f"/c/{booked[1]}").text


def test_what_came_in_between_is_told(
    client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    sent = choose(client, token, world.at("2026-01-15 14:00")) | {"reason": "Ill"}
    fresh(session, appointment)
    slot = NewSlot(start_time=world.at("2026-01-20 10:00"), end_time=world.at("2026-01-20 10:45"))
    appointments.reschedule(session, appointment, actor=world.acting(), slot=slot, reason="", now=world.now)
    session.commit()
    new = successor(session, appointment)
    for step in ("cancellation", "rescheduling"):
        answer = client.post(f"/c/{token}/{step}", data=sent | {"form_token": step})
        assert answer.status_code == 409
        assert "Nothing was changed" in answer.text
        assert "Tue 20 Jan 2026" in answer.text
    fresh(session, new)
    assert new.status is Status.CONFIRMED
    assert len(rows(session, new.appointment_id)) == 1


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


# ---- the link as staff see it


def audit(session: Session) -> list[tuple[str, int, str]]:
    session.rollback()
    found = session.scalars(sa.select(AuditEvent).where(AuditEvent.subject == client_requests.SUBJECT))
    return [(row.action, row.subject_id, row.actor_label) for row in found]


def test_staff_make_show_and_revoke_the_link(
    desk: FlaskClient, client: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    number = appointment.appointment_id
    here = f"/appointments/{number}"
    page = desk.get(here).text
    assert "Make link" in page
    assert "Revoke" not in page
    assert session.scalar(sa.select(sa.func.count()).select_from(PersonalLink)) == 0
    shown = desk.post(f"{here}/client-link")
    token = shown.text.split("/c/", 1)[1].split('"', 1)[0]
    assert client.get(f"/c/{token}").status_code == 200
    assert desk.post(f"{here}/client-link", headers={"HX-Request": "true"}).text.count(token) == 1
    assert token not in desk.get(here).text
    assert "Show link" in desk.get(here).text
    assert desk.post(f"{here}/client-link/end").status_code == 303
    assert client.get(f"/c/{token}").status_code == 404
    assert "Make link" in desk.get(here).text
    assert audit(session) == [(step, number, "Lena Fischer") for step in ("shown", "shown", "revoked")]


def link_row(browser: FlaskClient, appointment: Appointment) -> str:
    """What the page of an appointment says of its client's link; empty where it says nothing."""
    page = browser.get(f"/appointments/{appointment.appointment_id}").text
    found = re.search(r">Client link</dt>(.*?)</dd>", page, re.S)
    return " ".join(re.sub("<[^>]*>", " ", found.group(1)).split()) if found else ""


def test_the_page_says_until_when_the_link_works_or_that_it_was_revoked(
    desk: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    here = f"/appointments/{appointment.appointment_id}/client-link"
    assert link_row(desk, appointment) == "No link yet Make link"
    desk.post(here)
    assert link_row(desk, appointment) == "Works until Fri 13 Feb, 10:45 Show link Revoke"
    desk.post(f"{here}/end")
    assert link_row(desk, appointment) == "Revoked 10:00 Make link"
    desk.post(here)
    assert link_row(desk, appointment) == "Works until Fri 13 Feb, 10:45 Show link Revoke"


def test_a_link_of_another_contact_is_not_this_clients(
    desk: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment = booked[0]
    fresh(session, appointment)
    appointment.contact_id = make_contact(session, world.firm, "Bea Lund").contact_id
    session.commit()
    assert link_row(desk, appointment) == "No link yet Make link"


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED, Status.RESCHEDULED])
def test_no_link_is_made_to_what_is_over(
    desk: FlaskClient, session: Session, world: World, status: Status
) -> None:
    appointment = at_status(session, status, world)
    assert link_row(desk, appointment) == ""
    answer = desk.post(f"/appointments/{appointment.appointment_id}/client-link")
    assert answer.status_code == 422
    assert session.scalar(sa.select(sa.func.count()).select_from(PersonalLink)) == 0


def test_a_link_to_what_is_over_can_still_be_revoked(
    desk: FlaskClient, client: FlaskClient, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CANCELLED, world)
    token = link_to(session, world, appointment)
    assert link_row(desk, appointment) == "Works until Fri 13 Feb, 10:45 Revoke"
    assert desk.post(f"/appointments/{appointment.appointment_id}/client-link/end").status_code == 303
    assert client.get(f"/c/{token}").status_code == 404
    assert link_row(desk, appointment) == ""


def test_revoking_closes_the_links_of_the_whole_chain(
    desk: FlaskClient, client: FlaskClient, booked: Made, session: Session, world: World
) -> None:
    appointment, token = booked
    slot = NewSlot(start_time=world.at("2026-01-20 10:00"), end_time=world.at("2026-01-20 10:45"))
    fresh(session, appointment)
    appointments.reschedule(session, appointment, actor=world.acting(), slot=slot, reason="", now=world.now)
    session.commit()
    new = successor(session, appointment)
    assert "Show link" in desk.get(f"/appointments/{new.appointment_id}").text
    desk.post(f"/appointments/{new.appointment_id}/client-link/end")
    assert client.get(f"/c/{token}").status_code == 404


def test_who_may_not_act_sees_no_link(
    signed_in: Callable[[StaffUser], FlaskClient], session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    viewer = signed_in(world.viewer)
    here = f"/appointments/{appointment.appointment_id}"
    assert "Client link" not in viewer.get(here).text
    assert viewer.post(f"{here}/client-link").status_code == 403


def test_a_firm_that_wants_no_links_makes_none(desk: FlaskClient, session: Session, world: World) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    rule(session, world, client_links=False)
    here = f"/appointments/{appointment.appointment_id}"
    assert "Client link" not in desk.get(here).text
    assert desk.post(f"{here}/client-link").status_code == 422


def test_the_appointment_page_stays_within_its_statements(
    app: Flask, desk: FlaskClient, booked: Made
) -> None:
    desk.get(f"/appointments/{booked[0].appointment_id}")
    with statements(app) as seen:
        desk.get(f"/appointments/{booked[0].appointment_id}")
    assert len(seen) <= 6, seen
