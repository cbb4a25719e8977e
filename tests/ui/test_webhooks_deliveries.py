"""What was sent to an endpoint: the list, one delivery, and sending again."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_world
from tests.support.statements import captured
from tests.support.webhooks import BAD_BODY, make_attempt, make_delivery, make_endpoint
from tests.ui.conftest import MovableClock
from tests.ui.pages import Element, parse
from webapp.extensions import db
from webapp.lifecycle import webhook_replays
from webapp.models import OutboxEvent, StaffUser, WebhookDelivery, WebhookEndpoint
from webapp.vocabulary import DeliveryState, Status

pytestmark = pytest.mark.one_engine("sqlite")  # what differs is tested below the pages


@pytest.fixture
def manager(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.manager)


@pytest.fixture
def endpoint(session: Session, world: World) -> WebhookEndpoint:
    return make_endpoint(session, world, description="The CRM")


@pytest.fixture
def failed(session: Session, world: World, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """A confirmation that was given up."""
    at_status(session, Status.CONFIRMED, world)
    session.execute(sa.delete(WebhookDelivery))
    event = session.scalars(sa.select(OutboxEvent)).one()
    return make_delivery(
        session,
        endpoint,
        world,
        DeliveryState.FAILED,
        outbox_event_id=event.outbox_event_id,
        appointment_id=event.appointment_id,
        sequence=event.sequence,
        event_type=event.event_type,
    )


def here(endpoint: WebhookEndpoint, end: str = "") -> str:
    return f"/settings/webhooks/{endpoint.webhook_endpoint_id}{end}"


def page_of(delivery: WebhookDelivery, end: str = "") -> str:
    number = delivery.webhook_endpoint_id
    return f"/settings/webhooks/{number}/deliveries/{delivery.webhook_delivery_id}{end}"


def listed(browser: FlaskClient, path: str) -> list[Element]:
    table = parse(browser.get(path)).all("table")
    return table[0].one("tbody").all("tr") if table else []


def written(session: Session) -> list[WebhookDelivery]:
    session.rollback()
    return list(session.scalars(sa.select(WebhookDelivery).order_by(WebhookDelivery.webhook_delivery_id)))


def test_before_anything_was_sent_the_page_says_what_to_do(
    manager: FlaskClient, endpoint: WebhookEndpoint
) -> None:
    assert "Nothing was sent yet" in manager.get(here(endpoint)).text


def test_the_list_leads_to_the_delivery_and_the_appointment(
    manager: FlaskClient, session: Session, world: World, endpoint: WebhookEndpoint, failed: WebhookDelivery
) -> None:
    make_attempt(session, failed, world)
    (row,) = listed(manager, here(endpoint))
    links = [link.attrs["href"] for link in row.all("a")]
    assert links == [page_of(failed), f"/appointments/{failed.appointment_id}"]
    assert [cell.text for cell in row.all("td")][1:] == ["Failed", "1", "500 Internal Server Error", "10:00"]


def test_the_list_is_narrowed_by_state_and_type(
    manager: FlaskClient, session: Session, world: World, endpoint: WebhookEndpoint, failed: WebhookDelivery
) -> None:
    make_delivery(session, endpoint, world, DeliveryState.DELIVERED)

    def found(query: str) -> list[str]:
        return [row.one("a", href=row.all("a")[0].attrs["href"]).text for row in listed(manager, query)]

    assert len(found(here(endpoint))) == 2
    assert len(found(here(endpoint, "?state=failed"))) == 1
    assert found(here(endpoint, "?state=waiting")) == []
    assert "No delivery matches" in manager.get(here(endpoint, "?state=waiting")).text
    assert len(found(here(endpoint, "?type=ping"))) == 1
    assert found(here(endpoint, "?type=ping&state=failed")) == []
    assert len(found(here(endpoint, "?state=nonsense&type=nonsense&after=x"))) == 2


def test_the_list_is_paged_by_key_with_its_filters(
    manager: FlaskClient, session: Session, world: World, endpoint: WebhookEndpoint
) -> None:
    for _ in range(120):
        make_delivery(session, endpoint, world, DeliveryState.DELIVERED)
    path, sizes, numbers = here(endpoint, "?state=delivered"), [], []
    while path:
        page = parse(manager.get(path))
        rows = page.one("tbody").all("tr")
        sizes.append(len(rows))
        numbers += [int(row.all("a")[0].attrs["href"].rsplit("/", 1)[1]) for row in rows]
        onward = page.all("a", rel="next")
        path = onward[0].attrs["href"] if onward else ""
        assert "state=delivered" in path or not path
    assert sizes == [50, 50, 20]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 120
    back = page.one("a", rel="prev").attrs["href"]
    rows = parse(manager.get(back)).one("tbody").all("tr")
    assert [int(row.all("a")[0].attrs["href"].rsplit("/", 1)[1]) for row in rows] == numbers[50:100]


def test_a_delivery_shows_every_try_and_what_a_receiver_answers_stays_text(
    manager: FlaskClient, session: Session, world: World, failed: WebhookDelivery
) -> None:
    make_attempt(session, failed, world)
    make_attempt(
        session,
        failed,
        world,
        status=None,
        error="There was no whole <b>answer</b> in time.",
        response_headers="",
        response_body="",
    )
    answer = manager.get(page_of(failed))
    page = parse(answer)
    newest, first = page.all("details", cls="hook__try")
    assert "There was no whole <b>answer</b> in time. after 1.2 s" in newest.one("summary").text
    assert [part.attrs["aria-label"] for part in newest.all("pre")] == ["Request headers", "Request body"]
    assert "10:00:07 500 Internal Server Error" in first.one("summary").text
    assert len(first.all("pre")) == 4
    assert all(part.attrs["tabindex"] == "0" for part in first.all("pre"))
    assert BAD_BODY in page.one(id="main").text
    assert BAD_BODY not in answer.text
    assert "<b>answer" not in answer.text


def test_a_delivery_is_found_only_below_its_own_endpoint(
    manager: FlaskClient, session: Session, world: World, failed: WebhookDelivery
) -> None:
    other = make_endpoint(session, world)
    wrong = here(other, f"/deliveries/{failed.webhook_delivery_id}")
    assert manager.get(wrong).status_code == 404
    assert manager.post(f"{wrong}/replay").status_code == 404
    assert len(written(session)) == 1


def test_a_replay_counts_once_for_each_form_and_leads_to_the_new_delivery(
    manager: FlaskClient, session: Session, failed: WebhookDelivery
) -> None:
    answers = [manager.post(page_of(failed, "/replay"), data={"form_token": "one"}) for _ in range(2)]
    _first, again = written(session)
    assert again.replay == 1
    assert {answer.location for answer in answers} == {page_of(again)}
    assert parse(manager.get(page_of(again))).one("h1").text == "Confirmed, replay 1"
    refused = manager.post(page_of(failed, "/replay"))
    assert refused.status_code == 422
    assert "still waiting to be sent there" in refused.text
    assert len(written(session)) == 2


RANGE = "/replay?from=2026-01-01T00:00&to=2026-01-31T00:00"


def test_a_range_is_counted_before_anything_is_sent(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint, failed: WebhookDelivery
) -> None:
    page = parse(manager.get(here(endpoint, RANGE)))
    assert page.one(id="found-h").text == "1 event"
    assert len(written(session)) == 1
    form = page.one(id="found").one("form")
    data = {field.attrs["name"]: field.attrs["value"] for field in form.all("input")}
    for _ in range(2):
        assert manager.post(here(endpoint, "/replay"), data=data).location == here(endpoint)
    assert [row.replay for row in written(session)] == [0, 1]
    assert "1 event goes out with the worker’s next rounds." in manager.get(here(endpoint)).text
    assert "Replayed 1 event" in manager.get(here(endpoint)).text
    assert "Nothing to send" in manager.get(here(endpoint, RANGE)).text


def test_the_first_range_offered_is_the_last_day(
    manager: FlaskClient, endpoint: WebhookEndpoint, moved_clock: MovableClock
) -> None:
    page = parse(manager.get(here(endpoint, "/replay")))
    assert page.one(id="from").attrs["value"] == "2026-01-12T10:00"
    assert page.one(id="to").attrs["value"] == "2026-01-13T10:00"
    assert page.all(id="found") == []


@pytest.mark.parametrize(
    ("times", "field", "sentence"),
    [
        (("yesterday", "2026-01-13T10:00"), "from", "Enter a day and time such as"),
        (("", ""), "from", "Enter a day and time such as"),
        (("2026-01-13T10:00", "2026-01-13T10:00"), "to", "The end is not after the beginning."),
        (("2026-01-13T10:00", "0001-01-01T00:00"), "to", "Enter a day between 1990 and 2100."),
        (("2026-01-13T10:00", "\x00"), "to", "Enter a day and time such as"),
        (("2026-03-29T01:30", "2026-03-30T00:00"), "from", "London skips this time"),
        (("2026-10-25T01:30", "2026-10-26T00:00"), "from", "London has this time twice"),
    ],
)
def test_times_that_mean_nothing_come_back_with_a_sentence(
    manager: FlaskClient,
    session: Session,
    endpoint: WebhookEndpoint,
    failed: WebhookDelivery,
    times: tuple[str, str],
    field: str,
    sentence: str,
) -> None:
    asked = dict(zip(("from", "to"), times, strict=True))
    for answer in (
        manager.get(here(endpoint, "/replay"), query_string=asked),
        manager.post(here(endpoint, "/replay"), data=asked),
    ):
        assert answer.status_code == 422
        page = parse(answer)
        assert sentence in page.one(cls="errors").one("a", href=f"#{field}").text
        page.one(id=field)
    assert len(written(session)) == 1


def test_a_time_that_is_there_twice_is_told_by_its_offset(
    manager: FlaskClient, endpoint: WebhookEndpoint
) -> None:
    answer = manager.get(
        here(endpoint, "/replay"),
        query_string={"from": "2026-10-25T01:30+01:00", "to": "2026-10-25T01:30+00:00"},
    )
    page = parse(answer)
    assert answer.status_code == 200
    assert page.one(id="from").attrs["value"] == "2026-10-25T01:30+01:00"
    assert page.one(id="to").attrs["type"] == "text"
    hidden = {field.attrs["name"]: field.attrs["value"] for field in page.all("input", type="hidden")}
    assert (hidden.get("from"), hidden.get("to")) == (None, None)  # nothing happened, nothing to send


def test_too_many_are_not_sent_at_once(
    manager: FlaskClient,
    session: Session,
    endpoint: WebhookEndpoint,
    failed: WebhookDelivery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook_replays, "MOST", 0)
    page = parse(manager.get(here(endpoint, RANGE)))
    assert page.one(id="found-h").text == "More than 0 events"
    assert page.one(id="found").all("form") == []
    times = {"from": "2026-01-01T00:00", "to": "2026-01-31T00:00"}
    answer = manager.post(here(endpoint, "/replay"), data=times)
    assert answer.status_code == 422
    assert "Choose a shorter range." in answer.text
    assert len(written(session)) == 1


def test_a_disabled_endpoint_offers_no_replay(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint, failed: WebhookDelivery
) -> None:
    seen = parse(manager.get(here(endpoint))).all("input", name="seen")[0].attrs["value"]
    manager.post(here(endpoint, "/disabling"), data={"seen": seen})
    assert "Enable it to replay this." in manager.get(page_of(failed)).text
    assert "Enable it first." in manager.get(here(endpoint, RANGE)).text
    for path in (page_of(failed, "/replay"), here(endpoint, "/replay")):
        times = {"from": "2026-01-01T00:00", "to": "2026-01-31T00:00"}
        refused = manager.post(path, data=times)
        assert refused.status_code == 422
        assert "Enable it first." in refused.text
    assert len(written(session)) == 1


def test_another_firms_events_are_not_counted(
    manager: FlaskClient, session: Session, endpoint: WebhookEndpoint
) -> None:
    at_status(session, Status.COMPLETED, make_world(session, "other"))
    assert "Nothing to send" in manager.get(here(endpoint, RANGE)).text


@pytest.mark.parametrize(
    ("end", "most"), [("", 6), ("/edit", 4), ("/removal", 4), (RANGE, 4), ("/deliveries/{failed}", 5)]
)
def test_a_page_takes_few_statements_however_much_there_is(
    app: Flask,
    manager: FlaskClient,
    session: Session,
    world: World,
    endpoint: WebhookEndpoint,
    failed: WebhookDelivery,
    end: str,
    most: int,
) -> None:
    with app.app_context():
        engine = db.engine
    path, counts = end.format(failed=failed.webhook_delivery_id), []
    for more in (0, 60):
        for _ in range(more):
            make_attempt(session, failed, world)
            make_delivery(session, endpoint, world, DeliveryState.DELIVERED)
        with captured(engine) as statements:
            assert manager.get(here(endpoint, path)).status_code == 200
        counts.append(len(statements))
    assert counts[0] == counts[1] <= most
