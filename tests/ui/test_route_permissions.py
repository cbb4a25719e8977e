"""Every route of the application: who may reach it, and what every page has."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.routing import AnyConverter, Rule

from tests.factories import World, at_status
from tests.lifecycle.rows import everything
from tests.support.engines import SECRET_KEY
from tests.support.html import Page
from tests.support.polls import make_poll, people, slot_ids
from tests.support.signed_in import sign_in
from tests.support.webhooks import make_delivery, make_endpoint
from tests.ui.conftest import MovableClock
from webapp.lifecycle import feeds, team, tokens
from webapp.lifecycle.log_lines import without_tokens
from webapp.models import Attendance, MailMessage, SweepHold
from webapp.vocabulary import (
    DeliveryState,
    MailState,
    MailTemplate,
    Role,
    Scope,
    Status,
    SweepKind,
)

pytestmark = pytest.mark.one_engine("sqlite")  # who may reach a route does not depend on the engine

PUBLIC = {
    "attendance.provider",
    "feeds.calendar",
    "sessions.sign_in",
    "sessions.choose_firm",
    "sessions.sign_out",
    "invitations.accept",
    "invitees.reply",
}
PROBES = ("health.", "probes.")  # for machines; they have tests of their own
API = "api."  # behind tokens of their own, but for its document: tests/api
CLIENTS = "client_page."  # behind a personal link; tests/ui/client_page
FRAGMENTS = {
    "activity.news",
    "accounts.options",
    "appointments.menu",
    "appointments.slots",
    "board.changes",
    "booking.slots",
    "contacts.options",
    "outbox.html",
    "polls.changes",
}
SIGNED = "attendance.provider"  # another program posts it: no form, but a signature of its own
FORMS_THAT_CHECK = {"sessions.sign_in", "sessions.choose_firm", "invitations.accept"}  # by themselves
BEHIND_LINKS = {  # forms that check by themselves once the link opens: test_invitee.py, tests/ui/client_page
    "invitees.reply",
    "client_page.confirm",
    "client_page.cancel",
    "client_page.move",
}
FILLED = {
    "name": "Somebody Else",
    "theme": "dark",
    "density": "compact",
    "reason": "none",
    "email": "new@marlow.example",
    "password": "four other words here",
    "repeated": "four other words here",
    "ref": "1.1",
}
MARK = "Mark it @requires(Permission.X) or @public, see webapp/ui/guards.py."


def routes(app: Flask) -> Iterator[tuple[Rule, Any]]:
    """Every route with the permission it asks for (None is public)."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static":
            yield rule, getattr(app.view_functions[rule.endpoint], "permission", "unmarked")


def guarded(app: Flask) -> Iterator[tuple[Rule, Any]]:
    return ((rule, permission) for rule, permission in routes(app) if permission is not None)


def methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


@pytest.fixture
def values(world: World, session: Session) -> dict[str, object]:
    """A value for every name that an address can have."""
    appointment = at_status(session, Status.CONFIRMED, world)
    _person, token = team.invite(
        session,
        actor=world.acting(world.owner),
        name="Nora Quist",
        email="nora@marlow.example",
        role=Role.STAFF,
        bookable=True,
        now=world.now,
    )
    hold = SweepHold(
        firm_id=world.firm.firm_id,
        kind=SweepKind.COMPLETE,
        row_count=101,
        usual=20,
        why="volume",
        due_until=world.now,
        held_at=world.now,
    )
    mail = MailMessage(
        firm_id=world.firm.firm_id,
        appointment_id=appointment.appointment_id,
        template=MailTemplate.CONFIRMED,
        dedup_key="route",
        recipient_name="Ada Byron",
        recipient="ada@client.example",
        subject="Confirmed: Review",
        text_body="Hello",
        html_body="<p>Hello</p>",
        state=MailState.KEPT,
        due_at=world.now,
        created_at=world.now,
    )
    session.add_all([hold, mail])
    endpoint = make_endpoint(session, world)
    delivery = make_delivery(session, endpoint, world, DeliveryState.FAILED)
    api_token, _text = tokens.make(
        session,
        actor=world.acting(world.owner),
        name="Website",
        scopes={Scope.APPOINTMENTS_READ},
        staff_user_id=world.staff.staff_user_id,
        now=world.now,
    )
    feed = feeds.make(
        session,
        actor=world.acting(world.owner),
        secret=SECRET_KEY,
        name="Desk",
        staff_user_id=None,
        appointment_type_id=None,
        statuses=(),
        with_names=True,
        now=world.now,
    )
    poll = make_poll(session, world)
    session.commit()
    return {
        "account_id": world.account.account_id,
        "api_token_id": api_token.api_token_id,
        "appointment_id": appointment.appointment_id,
        "appointment_type_id": world.kind.appointment_type_id,
        "calendar_feed_id": feed.calendar_feed_id,
        "contact_id": world.contact.contact_id,
        "day": "2026-01-14",
        "handle": "0" * 16,
        "mail_message_id": mail.mail_message_id,
        "poll_id": poll.poll_id,
        "poll_invitee_id": people(session, poll)[0].poll_invitee_id,
        "poll_slot_id": slot_ids(session, poll)[0],
        "staff_user_id": world.staff.staff_user_id,
        "sweep_hold_id": hold.sweep_hold_id,
        "slug": world.firm.slug,
        "token": token,
        "webhook_delivery_id": delivery.webhook_delivery_id,
        "webhook_endpoint_id": endpoint.webhook_endpoint_id,
    }


def address(app: Flask, rule: Rule, values: dict[str, object]) -> str:
    """The route's address, every name filled in."""
    filled = {name: value for name, value in values.items() if name in rule.arguments}
    for name, converter in rule._converters.items():
        if isinstance(converter, AnyConverter):
            filled[name] = min(converter.items)
    missing = rule.arguments - set(filled) - set(rule.defaults or {})
    assert not missing, f"{rule.rule}: give `values` in this file something for {', '.join(missing)}."
    with app.test_request_context():
        built = rule.build(filled)
        assert built is not None, rule.rule
        return built[1]


def test_every_route_says_who_may_reach_it(app: Flask) -> None:
    unmarked = [rule.rule for rule, permission in routes(app) if permission == "unmarked"]
    assert not unmarked, f"{MARK} {unmarked}"


def test_few_routes_are_open_to_everybody(app: Flask) -> None:
    public = {rule.endpoint for rule, permission in routes(app) if permission is None}
    assert {endpoint for endpoint in public if not endpoint.startswith((*PROBES, API, CLIENTS))} == PUBLIC
    assert {endpoint for endpoint in public if endpoint.startswith(CLIENTS)} == {
        f"{CLIENTS}{step}" for step in ("show", "confirm", "cancel", "move", "slots")
    }


def test_strangers_are_sent_to_sign_in(app: Flask, values: dict[str, object]) -> None:
    client = app.test_client()
    pages: dict[str, set[str]] = {}
    for rule, _permission in guarded(app):
        pages.setdefault(rule.rule, set()).update(methods(rule))
    for rule, _permission in guarded(app):
        for method in methods(rule):
            answer = client.open(address(app, rule, values), method=method)
            assert answer.status_code == 303, (method, rule.rule)
            assert answer.location.startswith("/sign-in"), (method, rule.rule)
            page = "GET" in pages[rule.rule]
            assert ("next=" in answer.location) == page, (method, rule.rule)
            quick = client.open(address(app, rule, values), method=method, headers={"HX-Request": "true"})
            assert quick.status_code == 401, (method, rule.rule)
            target = quick.headers["HX-Redirect"]
            assert target.startswith("/sign-in"), (method, rule.rule)
            assert ("next=" in target) == (method == "POST" and page), (method, rule.rule)


def test_a_post_without_the_form_token_changes_nothing(
    app: Flask, session: Session, world: World, values: dict[str, object], moved_clock: MovableClock
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client = sign_in(app.test_client(), world.owner)
    client.get("/preferences")
    session.rollback()
    before, tried = everything(session), 0
    for rule, _permission in routes(app):
        apart = rule.endpoint in {*FORMS_THAT_CHECK, *BEHIND_LINKS, SIGNED} or rule.endpoint.startswith(API)
        if "POST" not in methods(rule) or apart:
            continue
        answer, tried = client.post(address(app, rule, values), data=FILLED), tried + 1
        assert answer.status_code == 400, rule.rule
        assert "Nothing was changed." in answer.text, rule.rule
    assert tried > 20
    for endpoint in FORMS_THAT_CHECK:
        for rule in app.url_map.iter_rules(endpoint):
            answer = app.test_client().post(address(app, rule, values), data=FILLED)
            assert answer.status_code in {303, 422}, rule.rule
            assert "Set-Cookie" not in answer.headers or "daybook=" not in answer.headers["Set-Cookie"]
    for endpoint in BEHIND_LINKS:
        for rule in app.url_map.iter_rules(endpoint):
            assert client.post(address(app, rule, values), data=FILLED).status_code == 404, rule.rule
    session.rollback()
    assert everything(session) == before
    assert client.get("/preferences").status_code == 200


def test_the_one_post_that_is_no_form_changes_nothing_unless_it_is_signed(
    app: Flask, session: Session, world: World, values: dict[str, object], moved_clock: MovableClock
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    (rule,) = app.url_map.iter_rules(SIGNED)
    url = address(app, rule, values)
    joined = world.now.isoformat()
    body = {"appointment_id": values["appointment_id"], "side": "client", "joined_at": joined}
    stamp = str(int(world.now.timestamp()))
    named = {"webhook-id": "call-1", "webhook-timestamp": stamp}
    session.rollback()
    before = everything(session)
    for client in (app.test_client(), sign_in(app.test_client(), world.owner)):
        for headers in ({}, named, named | {"webhook-signature": f"v1,{'A' * 43}="}):
            answer = client.post(url, json=body, headers=headers)
            assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert client.post(url, data=FILLED).status_code == 415
    session.rollback()
    assert everything(session) == before
    assert session.scalars(sa.select(Attendance)).all() == []


def test_every_page_has_one_heading_unique_ids_and_whole_forms(
    app: Flask, world: World, values: dict[str, object], moved_clock: MovableClock
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    client = sign_in(app.test_client(), world.owner)
    faults: list[str] = []
    for rule, _permission in routes(app):
        if "GET" not in methods(rule):
            continue
        answer = client.get(address(app, rule, values), follow_redirects=True)
        if answer.status_code >= 500:
            faults.append(f"{rule.rule}: {answer.status_code}")
        if answer.mimetype != "text/html" or answer.status_code == 204:
            continue
        whole = "<!doctype html>" in answer.text
        if not whole and rule.endpoint not in FRAGMENTS:
            faults.append(f"{rule.rule}: a piece of a page")
        found = Page(answer.text).faults()
        faults += [f"{rule.rule}: {fault}" for fault in found if whole or not fault.endswith("h1")]
    assert not faults, "\n".join(faults)


def test_no_number_in_an_address_breaks_a_page(
    app: Flask, world: World, values: dict[str, object], moved_clock: MovableClock
) -> None:
    client = sign_in(app.test_client(), world.owner)
    numbers = {name: value for name, value in values.items() if isinstance(value, int)}
    for rule, _permission in guarded(app):
        if "GET" in methods(rule) and rule.arguments & set(numbers):
            for number in (0, 2**63 - 1, 10**30):
                here = address(app, rule, values | dict.fromkeys(numbers, 4242424242)).replace(
                    "4242424242", str(number)
                )
                assert client.get(here).status_code == 404, here


def test_no_log_shows_the_token_of_any_address(app: Flask, values: dict[str, object]) -> None:
    token = "T0kenThatOpensSomething_0123456789-abcdef"
    found = [rule for rule, _permission in routes(app) if "token" in rule.arguments]
    assert len(found) > 5
    for rule in found:
        line = f'"GET {address(app, rule, values | {"token": token})}?next=/day HTTP/1.1" 200'
        assert token not in without_tokens(line), rule.rule
