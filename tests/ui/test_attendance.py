"""Arrived on the board and the page, and a video provider's signed callback."""

import json
import re
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from tests.factories import NOW, World, at_status, make_world
from tests.support.engines import ROOT
from tests.support.signed_in import sign_in
from tests.ui.pages import parse
from webapp.lifecycle import attendance, callbacks, firm_policies
from webapp.models import Appointment, Attendance, Firm
from webapp.vocabulary import AttendanceSide, AttendanceSource, Status


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    return make_world(session)


@pytest.fixture
def meeting(session: Session, world: World) -> Appointment:
    return at_status(session, Status.CONFIRMED, world, start=NOW - timedelta(minutes=5))


def rows(session: Session) -> list[Attendance]:
    session.rollback()
    session.expire_all()
    return list(session.scalars(sa.select(Attendance).order_by(Attendance.attendance_id)))


def test_arrived_shows_on_the_board_and_in_the_timeline_and_can_be_taken_back(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    sign_in(client, world.staff)
    url = f"/appointments/{meeting.appointment_id}"
    assert ">Arrived<" in client.get("/day/2026-01-13").text
    assert client.post(f"{url}/arrival").status_code == 303
    assert client.post(f"{url}/arrival").status_code == 303
    assert len(rows(session)) == 1
    board = client.get("/day/2026-01-13").text
    assert "Arrived 10:00, waiting 0 min" in board
    assert ">Arrived<" not in board
    page = client.get(url).text
    assert "Client arrived" in page
    assert "Not arrived after all" in page
    client.post(f"{url}/arrival", data={"undo": "1"})
    assert rows(session)[0].withdrawn_by == "Lena Fischer"
    assert "Taken back" in client.get(url).text
    assert ">Arrived<" in client.get("/day/2026-01-13").text


def test_an_arrival_is_news_for_the_others(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    sign_in(client, world.staff2)
    page = client.get("/day/2026-01-13").text
    seen = json.loads(parse(page).one(id="changes").attrs["hx-headers"])
    quiet = client.get("/day/2026-01-13/changes", headers=seen)
    assert quiet.status_code == 304
    client.post(f"/appointments/{meeting.appointment_id}/arrival")
    assert client.get("/day/2026-01-13/changes", headers=seen).status_code == 200


def test_a_viewer_and_another_firm_cannot(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    url = f"/appointments/{meeting.appointment_id}/arrival"
    other = make_world(session, "alder")
    sign_in(client, world.viewer)
    assert client.post(url).status_code == 403
    sign_in(client, other.owner)
    assert client.post(url).status_code == 404
    assert rows(session) == []


def test_an_arrival_that_is_too_early_is_409_with_when_it_opens(
    session: Session, world: World, client: FlaskClient
) -> None:
    later = at_status(session, Status.CONFIRMED, world, start=NOW + timedelta(hours=5))
    sign_in(client, world.staff)
    answer = client.post(f"/appointments/{later.appointment_id}/arrival")
    assert answer.status_code == 409
    assert "Arrived opens 14:00" in answer.text


def call(client: FlaskClient, body: bytes, *, slug: str = "marlow", secret: str | None = None, **more: str):
    """Post a callback signed by the reference library of the specification."""
    app: Flask = client.application
    secret = secret or callbacks.secret_of(1, key=app.config["SECRET_KEY"])
    stamp = NOW
    signature = Webhook(secret).sign("msg_1", stamp, body.decode("utf-8", "replace"))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
        "Content-Type": "application/json",
        **more,
    }
    return client.post(f"/hooks/attendance/{slug}", data=body, headers=headers)


def body_of(**facts: object) -> bytes:
    return json.dumps({"side": "client", "joined_at": "2026-01-13T11:57:00+02:00", **facts}).encode()


def test_a_signed_callback_is_believed_once(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    body = body_of(appointment_id=meeting.appointment_id)
    first, second = call(client, body), call(client, body)
    assert (first.status_code, first.json) == (200, {"recorded": True})
    assert (second.status_code, second.json) == (200, {"recorded": False})
    (fact,) = rows(session)
    assert (fact.actor_label, fact.joined_at) == ("the video provider", NOW - timedelta(minutes=3))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"webhook-signature": ""}, "Send the headers"),
        ({"webhook-signature": "v1,AAAA"}, "does not fit"),
        ({"webhook-signature": "v1,ümlaut"}, "does not fit"),
        ({"webhook-timestamp": "soon"}, "whole seconds"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) - 301)}, "five minutes"),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 301)}, "five minutes"),
    ],
)
def test_a_forged_or_old_callback_is_401_and_writes_nothing(
    session: Session,
    world: World,
    meeting: Appointment,
    client: FlaskClient,
    more: dict[str, str],
    sentence: str,
) -> None:
    answer = call(client, body_of(appointment_id=meeting.appointment_id), **more)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert sentence in answer.json["detail"]
    assert rows(session) == []


def test_a_body_that_was_changed_after_signing_is_refused(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    signed = Webhook(callbacks.secret_of(1, key=client.application.config["SECRET_KEY"]))
    body = body_of(appointment_id=meeting.appointment_id)
    signature = signed.sign("msg_1", NOW, body.decode())
    answer = call(client, body.replace(b"client", b"staff"), **{"webhook-signature": signature})
    assert answer.status_code == 401
    assert rows(session) == []


@pytest.mark.parametrize(
    ("body", "code", "sentence"),
    [
        (b"{", 400, "not JSON: Expecting property name"),
        (b'{"appointment_id": ' + b"9" * 5_000 + b"}", 400, "The body cannot be read"),
        (b"[" * 20_000, 400, "The body cannot be read"),
        (b'{"side": ' + b'{"a":' * 10_000, 400, "The body cannot be read"),
        (b'{"external_ref": "\\ud800", "side": "client"}', 422, "cannot be kept"),
        (body_of(appointment_id=1, joined_at="\ud800"), 422, "ISO 8601"),
        (b"[]", 422, "one JSON object"),
        (body_of(), 422, "either appointment_id or external_ref"),
        (body_of(appointment_id=1, external_ref="x"), 422, "either appointment_id or external_ref"),
        (body_of(appointment_id="1"), 422, "positive whole number"),
        (body_of(appointment_id=True), 422, "positive whole number"),
        (body_of(appointment_id=10**30), 422, "positive whole number"),
        (body_of(external_ref=["x"]), 422, "must be text"),
        (body_of(external_ref="a\x00b"), 422, "cannot be kept"),
        (body_of(appointment_id=1, side="host"), 422, "client or staff"),
        (body_of(appointment_id=1, side=["client"]), 422, "client or staff"),
        (body_of(appointment_id=1, joined_at="2026-01-13T10:00:00"), 422, "carry its offset"),
        (body_of(appointment_id=1, joined_at="soon"), 422, "ISO 8601"),
        (body_of(appointment_id=1, joined_at=7), 422, "ISO 8601"),
        (body_of(appointment_id=1, joined_at="0001-01-01T00:00:00+14:00"), 422, "out of range"),
        (body_of(appointment_id=1, joined_at="2020-01-13T10:00:00Z"), 422, "Give a time from"),
        (body_of(appointment_id=999), 404, "no such appointment"),
    ],
)
def test_a_callback_that_cannot_be_read_says_what_to_change(
    session: Session,
    world: World,
    meeting: Appointment,
    client: FlaskClient,
    body: bytes,
    code: int,
    sentence: str,
) -> None:
    answer = call(client, body)
    assert answer.status_code == code
    assert sentence in answer.json["detail"]
    assert rows(session) == []


def test_one_firms_secret_opens_nothing_of_another(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    other = at_status(session, Status.CONFIRMED, make_world(session, "alder"))
    secret = callbacks.secret_of(1, key=client.application.config["SECRET_KEY"])
    body = body_of(appointment_id=other.appointment_id)
    assert call(client, body, slug="alder", secret=secret).status_code == 401
    assert call(client, body).status_code == 404
    assert call(client, body, slug="nobody").status_code == 401
    assert rows(session) == []


def test_size_and_type_are_checked_first(world: World, client: FlaskClient) -> None:
    assert call(client, b"{}", **{"Content-Type": "text/plain"}).status_code == 415
    assert call(client, b" " * 70_000).status_code == 413
    endless = client.post(
        "/hooks/attendance/marlow",
        input_stream=BytesIO(b" " * 70_000),
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},  # a body in chunks does not say how long it is
    )
    assert (endless.status_code, endless.mimetype) == (413, "application/problem+json")


def test_the_example_in_the_readme_signs_a_call(
    session: Session, world: World, meeting: Appointment, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", readme, re.S)
    (example,) = (each for each in examples if "/hooks/attendance/" in each)
    secret = callbacks.secret_of(1, key=client.application.config["SECRET_KEY"])
    filled = {
        "whsec_…": secret,
        "marlow-lane": "marlow",
        "1042": str(meeting.appointment_id),
        "2026-01-13T14:02:00Z": NOW.isoformat(),
    }
    for given, wanted in filled.items():
        assert given in example
        example = example.replace(given, wanted)

    def send(request: urllib.request.Request) -> BytesIO:
        headers = dict(request.header_items())
        answer = client.post(urlsplit(request.full_url).path, data=request.data, headers=headers)
        assert answer.status_code == 200, answer.text
        return BytesIO(answer.data)

    monkeypatch.setattr(urllib.request, "urlopen", send)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - the example is the thing tested
    assert [fact.external_id for fact in rows(session)] == ["call-1"]


def renew(session: Session, world: World) -> None:
    session.rollback()
    firm_policies.renew_secret(session, actor=world.acting(world.manager), now=NOW)
    session.commit()


def test_a_renewed_secret_signs_and_the_one_before_for_a_day_more(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    key = client.application.config["SECRET_KEY"]
    first, second, third = (callbacks.secret_of(1, key=key, turn=turn) for turn in range(3))
    assert len({first, second, third}) == 3
    body = body_of(appointment_id=meeting.appointment_id)

    def codes() -> list[int]:
        return [call(client, body, secret=secret).status_code for secret in (first, second, third)]

    assert codes() == [200, 401, 401]
    renew(session, world)
    assert codes() == [200, 200, 401]
    session.rollback()
    session.get_one(Firm, 1).callback_renewed_at = NOW - callbacks.OVERLAP
    session.commit()
    assert codes() == [401, 200, 401]
    renew(session, world)
    assert codes() == [401, 200, 200]


def test_any_of_several_signatures_may_fit(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    body = body_of(appointment_id=meeting.appointment_id)
    secret = callbacks.secret_of(1, key=client.application.config["SECRET_KEY"])
    good = Webhook(secret).sign("msg_1", NOW, body.decode())
    for given, code in (
        (f"v1,AAAA {good}", 200),
        (f"v1a,AAAA {good} v1,BBBB", 200),
        (good.replace("v1,", "v2,"), 401),
        (good.removeprefix("v1,"), 401),
    ):
        assert call(client, body, **{"webhook-signature": given}).status_code == code, given


def test_a_call_of_the_same_name_with_other_facts_is_409(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    assert call(client, body_of(appointment_id=meeting.appointment_id)).status_code == 200
    answer = call(client, body_of(appointment_id=meeting.appointment_id, side="staff"))
    assert (answer.status_code, answer.mimetype) == (409, "application/problem+json")
    assert "webhook-id came before with other facts" in answer.json["detail"]
    assert [fact.side for fact in rows(session)] == [AttendanceSide.CLIENT]


def test_another_call_for_the_same_join_is_one_more_fact_and_the_same_call_is_not(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    secret = callbacks.secret_of(1, key=client.application.config["SECRET_KEY"])
    body = body_of(appointment_id=meeting.appointment_id)
    for name, recorded in (("msg_1", True), ("msg_1", False), ("msg_2", True)):
        signature = Webhook(secret).sign(name, NOW, body.decode())
        answer = call(client, body, **{"webhook-id": name, "webhook-signature": signature})
        assert answer.json == {"recorded": recorded}
    assert [fact.external_id for fact in rows(session)] == ["msg_1", "msg_2"]


@pytest.mark.parametrize("name", ["x" * 121, "a\x07b"])
def test_a_name_of_a_call_that_cannot_be_kept_is_refused_with_a_sentence(
    session: Session, world: World, meeting: Appointment, client: FlaskClient, name: str
) -> None:
    secret = callbacks.secret_of(1, key=client.application.config["SECRET_KEY"])
    body = body_of(appointment_id=meeting.appointment_id)
    signature = Webhook(secret).sign(name, NOW, body.decode())
    answer = call(client, body, **{"webhook-id": name, "webhook-signature": signature})
    assert answer.status_code == 422
    assert answer.json["detail"]
    assert rows(session) == []


def test_who_arrived_a_while_ago_is_shown_as_waiting(
    session: Session, world: World, meeting: Appointment, client: FlaskClient
) -> None:
    attendance.record(
        session,
        meeting,
        actor=world.acting(),
        side=AttendanceSide.CLIENT,
        source=AttendanceSource.FRONT_DESK,
        joined_at=NOW - timedelta(minutes=12),
        now=NOW - timedelta(minutes=12),
    )
    session.commit()
    sign_in(client, world.staff)
    assert "Arrived 09:48, waiting 12 min" in client.get("/day/2026-01-13").text
    page = parse(client.get(f"/appointments/{meeting.appointment_id}").text)
    kinds = [" ".join(event.text.split()) for event in page.all("li", cls="event")]
    assert [line.split(" ")[0] for line in kinds] == ["Client", "Confirmed"]
    assert "Client arrived" in kinds[0]
    assert "was " not in kinds[0]  # a fact, no change of the status
