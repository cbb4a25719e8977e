"""Webhook endpoints under the settings: added, changed, rotated, tested, disabled, removed."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.support.webhooks import URL, make_attempt, make_delivery, make_endpoint
from tests.ui.conftest import MovableClock, fresh
from tests.ui.pages import parse
from webapp.lifecycle import webhook_secrets, webhooks
from webapp.models import AuditEvent, StaffUser, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Disabled

pytestmark = pytest.mark.one_engine("sqlite")  # what differs is tested below the pages

LIST = "/settings/webhooks"
STOPPED = "webhook endpoint has stopped"


@pytest.fixture
def manager(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.manager)


@pytest.fixture
def endpoint(session: Session, world: World) -> WebhookEndpoint:
    return make_endpoint(session, world, description="The CRM")


def typed(**fields: Any) -> dict[str, Any]:
    return {"url": URL, "description": "The CRM", "which": "all", **fields}


def address(endpoint: WebhookEndpoint, end: str = "") -> str:
    return f"{LIST}/{endpoint.webhook_endpoint_id}{end}"


def kept(session: Session) -> list[WebhookEndpoint]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(sa.select(WebhookEndpoint)))


def actions(session: Session) -> list[str]:
    session.rollback()
    return list(session.scalars(sa.select(AuditEvent.action).order_by(AuditEvent.audit_event_id)))


def seen_on(browser: FlaskClient, path: str) -> str:
    """The number of the last change that the page's forms carry."""
    return parse(browser.get(path)).all("input", name="seen")[0].attrs["value"]


def test_an_empty_list_says_what_an_endpoint_is(manager: FlaskClient) -> None:
    page = manager.get(LIST).text
    assert "No endpoints yet" in page
    assert f'href="{LIST}/new"' in page


def test_a_new_endpoint_is_kept_and_listed(manager: FlaskClient, session: Session) -> None:
    chosen = ["appointment.no_show", "appointment.cancelled"]
    answer = manager.post(
        f"{LIST}/new", data=typed(which="some", event_types=chosen, with_text="y"), follow_redirects=True
    )
    (made,) = kept(session)
    assert made.event_types == " appointment.no_show appointment.cancelled "
    assert made.with_text
    assert answer.request.path == address(made)
    assert "Added The CRM. Give its secret to the receiver." in answer.text
    page = manager.get(LIST).text
    assert URL in page
    assert "No-show, Cancelled" in page
    assert actions(session) == ["create"]


def test_everything_is_everything_whatever_is_ticked(manager: FlaskClient, session: Session) -> None:
    manager.post(f"{LIST}/new", data=typed(event_types=["appointment.no_show"]))
    assert kept(session)[0].event_types == ""


def test_a_double_submit_adds_one(manager: FlaskClient, session: Session) -> None:
    places = {manager.post(f"{LIST}/new", data=typed(form_token="one")).location for _ in range(2)}
    assert places == {address(kept(session)[0])}
    assert actions(session) == ["create"]


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"url": ""}, "url", "Enter the address that events are sent to."),
        ({"url": f"https://[2606::1]/{'x' * 2000}"}, "url", "Keep this to 2,000 characters"),
        ({"url": "https://169.254.169.254/latest"}, "url", "Webhooks never go there."),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "url", "in another form"),
        ({"url": "https://user:pass@[2606::1]/"}, "url", "Remove the user name and password"),
        ({"url": "gopher://[2606::1]/"}, "url", "Enter a whole address"),
        ({"description": "x" * 121}, "description", "Keep this to 120 characters"),
        ({"which": "some"}, "event_types", "Choose at least one event type, or everything."),
        ({"which": "some", "event_types": ["appointment.dreamt"]}, "event_types", "from the list"),
        ({"which": "most"}, "which", "Choose whether it is told everything."),
    ],
)
def test_what_cannot_be_kept_comes_back_with_a_sentence(
    manager: FlaskClient, session: Session, fields: dict[str, Any], field: str, sentence: str
) -> None:
    answer = manager.post(f"{LIST}/new", data=typed(**fields))
    assert answer.status_code == 422
    page = parse(answer)
    assert "Error: " in page.all("title")[0].text
    assert [link.text for link in page.one(cls="errors").all("a", href=f"#{field}")]
    assert sentence in page.one(id="main").text
    page.one(id=field)
    assert page.one(id="description").attrs["value"] == fields.get("description", "The CRM")
    assert kept(session) == []


def test_the_twenty_first_is_refused_and_not_offered(
    manager: FlaskClient, session: Session, world: World
) -> None:
    for _ in range(webhooks.MOST):
        make_endpoint(session, world)
    assert "New endpoint" not in manager.get(LIST).text
    assert manager.post(f"{LIST}/new", data=typed()).status_code == 422
    assert len(kept(session)) == webhooks.MOST


def test_an_edit_shows_what_there_is_and_keeps_what_is_typed(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint
) -> None:
    path = address(endpoint, "/edit")
    page = parse(manager.get(path))
    assert page.one(id="url").attrs["value"] == URL
    assert "checked" in page.one(id="which").attrs
    seen = page.all("input", name="seen")[0].attrs["value"]
    assert manager.post(path, data=typed(description="Other", seen=seen)).location == address(endpoint)
    assert kept(session)[0].description == "Other"
    assert "Changed the description" in manager.get(address(endpoint)).text


def test_an_edit_from_before_somebody_elses_is_409_and_then_goes_through(
    manager: FlaskClient,
    signed_in: Callable[[StaffUser], FlaskClient],
    session: Session,
    world: World,
    endpoint: WebhookEndpoint,
) -> None:
    path = address(endpoint, "/edit")
    seen = seen_on(manager, path)
    signed_in(world.owner).post(path, data=typed(description="Olga’s", seen=seen))
    answer = manager.post(path, data=typed(description="Daniel’s", seen=seen))
    assert answer.status_code == 409
    assert "Olga Marlow changed Olga’s (description)" in answer.text
    assert kept(session)[0].description == "Olga’s"
    page = parse(answer)
    assert page.one(id="description").attrs["value"] == "Daniel’s"
    again = page.all("input", name="seen")[0].attrs["value"]
    assert manager.post(path, data=typed(description="Daniel’s", seen=again)).status_code == 303
    assert kept(session)[0].description == "Daniel’s"


STEPS = ("/rotation", "/disabling", "/enabling", "/removal")


@pytest.mark.parametrize("step", STEPS)
def test_a_button_from_before_somebody_elses_change_is_409(
    manager: FlaskClient,
    signed_in: Callable[[StaffUser], FlaskClient],
    session: Session,
    world: World,
    endpoint: WebhookEndpoint,
    step: str,
) -> None:
    seen = seen_on(manager, address(endpoint))
    signed_in(world.owner).post(address(endpoint, "/rotation"), data={"seen": seen})
    answer = manager.post(address(endpoint, step), data={"seen": seen})
    assert answer.status_code == 409
    assert "Not saved: Olga Marlow changed The CRM" in answer.text
    assert actions(session) == ["create", "rotate secret"]


def test_the_secret_is_shown_by_a_submission_alone_and_that_is_noted(
    app: Flask, manager: FlaskClient, session: Session, endpoint: WebhookEndpoint
) -> None:
    secret = webhook_secrets.secret_of(endpoint.webhook_endpoint_id, key=app.config["SECRET_KEY"], turn=0)
    assert "whsec_" not in manager.get(address(endpoint)).text
    assert manager.get(address(endpoint, "/secret")).status_code == 405
    answer = manager.post(address(endpoint, "/secret"))
    assert parse(answer).one(id="secret").attrs["value"] == secret
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Was shown the secret" in manager.get(address(endpoint)).text
    assert actions(session) == ["create", "show secret"]


def test_a_rotation_counts_once_for_each_form(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint, moved_clock: MovableClock
) -> None:
    before = parse(manager.post(address(endpoint, "/secret"))).one(id="secret").attrs["value"]
    seen = seen_on(manager, address(endpoint))
    for _ in range(2):
        answer = manager.post(address(endpoint, "/rotation"), data={"seen": seen, "form_token": "one"})
        assert answer.location == address(endpoint)
    assert kept(session)[0].turn == 1
    assert parse(manager.post(address(endpoint, "/secret"))).one(id="secret").attrs["value"] != before
    assert "The one before signs until" in manager.get(address(endpoint)).text
    moved_clock.pass_(hours=25)
    assert "The one before signs until" not in manager.get(address(endpoint)).text


def test_a_test_event_is_sent_once_for_each_form_and_shown(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint
) -> None:
    for _ in range(2):
        answer = manager.post(address(endpoint, "/ping"), data={"form_token": "one"})
    session.rollback()
    (made,) = session.scalars(sa.select(WebhookDelivery)).all()
    assert answer.location == address(endpoint, f"/deliveries/{made.webhook_delivery_id}")
    page = manager.get(answer.location).text
    assert "Test event" in page
    assert "It goes out with the worker’s next round." in page
    again = manager.post(address(endpoint, "/ping"))
    assert again.status_code == 422
    assert "A test event is waiting already" in again.text


def test_it_is_disabled_and_enabled(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint, world: World
) -> None:
    waits = make_delivery(session, endpoint, world, DeliveryState.WAITING)
    data = {"seen": seen_on(manager, address(endpoint)), "form_token": "off"}
    for _ in range(2):
        assert manager.post(address(endpoint, "/disabling"), data=data).status_code == 303
    fresh(session, endpoint)
    fresh(session, waits)
    assert endpoint.disabled is Disabled.BY_HAND
    assert waits.state is DeliveryState.DROPPED
    page = manager.get(address(endpoint)).text
    assert "By hand" in page
    assert "Send test event" not in page
    assert STOPPED not in manager.get("/day/2026-01-13").text
    refused = manager.post(address(endpoint, "/ping"))
    assert refused.status_code == 422
    assert "Enable it first." in refused.text
    data = {"seen": seen_on(manager, address(endpoint)), "form_token": "on"}
    for _ in range(2):
        assert manager.post(address(endpoint, "/enabling"), data=data).status_code == 303
    fresh(session, endpoint)
    assert endpoint.disabled is None
    assert actions(session) == ["create", "disable", "enable"]


@pytest.mark.parametrize(
    ("why", "sentence"),
    [(Disabled.GONE, "The receiver answered 410"), (Disabled.FAILING, "The receiver failed for days")],
)
def test_managers_are_told_of_one_that_stopped_until_they_see_to_it(
    manager: FlaskClient,
    desk: FlaskClient,
    session: Session,
    endpoint: WebhookEndpoint,
    world: World,
    why: Disabled,
    sentence: str,
) -> None:
    assert STOPPED not in manager.get("/day/2026-01-13").text
    endpoint.disabled, endpoint.disabled_at = why, world.now
    session.commit()
    notice = parse(manager.get("/day/2026-01-13")).one(id="webhooks-stopped")
    assert STOPPED in notice.text
    assert notice.one("a").attrs["href"] == LIST
    assert STOPPED not in desk.get("/day/2026-01-13").text
    assert sentence in manager.get(address(endpoint)).text
    seen = seen_on(manager, address(endpoint))
    assert manager.post(address(endpoint, "/disabling"), data={"seen": seen}).status_code == 303
    assert STOPPED not in manager.get("/day/2026-01-13").text


def test_one_that_fails_says_since_when_and_when_it_is_tried_next(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint, world: World
) -> None:
    endpoint.failing_since, endpoint.rests_until = world.now - DAY, world.now + DAY / 24
    make_attempt(session, make_delivery(session, endpoint, world, DeliveryState.WAITING), world)
    page = parse(manager.get(address(endpoint))).one(id="main").text
    assert "Failing since yesterday 10:00" in page
    assert "Next try Tue 13 Jan 2026, 11:00" in page
    assert "500 Internal Server Error" in page
    listed = parse(manager.get(LIST)).one(id="main").text
    assert "Failing since yesterday 10:00" in listed
    assert "500 Internal Server Error" in listed


def test_a_removal_is_confirmed_and_counts_once(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint, world: World
) -> None:
    make_delivery(session, endpoint, world, DeliveryState.WAITING)
    path = address(endpoint, "/removal")
    page = parse(manager.get(path))
    assert "the event that waits is dropped" in page.one(id="main").text
    data = {"seen": page.all("input", name="seen")[0].attrs["value"], "form_token": "one"}
    for _ in range(2):
        assert manager.post(path, data=data).location == LIST
    for gone in (address(endpoint), path, address(endpoint, "/edit")):
        assert manager.get(gone).status_code == 404
    assert manager.post(path).status_code == 404
    assert "No endpoints yet" in manager.get(LIST).text
    assert actions(session) == ["create", "remove"]


def test_the_removal_comes_as_a_dialog_too(manager: FlaskClient, endpoint: WebhookEndpoint) -> None:
    answer = manager.get(address(endpoint, "/removal"), headers={"HX-Request": "true"})
    assert "<dialog" in answer.text
    assert "<!doctype html>" not in answer.text


POSTS = ("/edit", "/secret", "/ping", *STEPS, "/replay", "/deliveries/1/replay")


def test_a_post_without_the_forms_token_changes_nothing(
    app: Flask, manager: FlaskClient, session: Session, endpoint: WebhookEndpoint
) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    for end in POSTS:
        assert manager.post(address(endpoint, end), data=typed()).status_code == 400, end
    assert actions(session) == ["create"]
