"""What a program may send, and how what cannot be read is refused: with a sentence, and nothing is done."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.api.conftest import CallsAs
from tests.factories import World, at_status
from tests.lifecycle.rows import everything
from tests.support.api import API, Program, fields
from tests.ui.conftest import MovableClock
from webapp.extensions import db
from webapp.lifecycle.log_lines import without_tokens
from webapp.models import Appointment
from webapp.vocabulary import Status

LIST = "/appointments"
PROBLEM = "application/problem+json"


@pytest.fixture
def address(session: Session, world: World) -> str:
    """Where a confirmed appointment can be cancelled."""
    return f"{LIST}/{at_status(session, Status.CONFIRMED, world).appointment_id}/cancel"


def sent(api: Program, address: str, content: bytes, kind: str = "application/json", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {api.token}"}
    return api.client.post(API + address, data=content, content_type=kind, headers=headers, **more)


@contextmanager
def nothing_done(session: Session) -> Iterator[None]:
    session.rollback()
    before = everything(session)
    yield
    session.rollback()
    assert everything(session) == before


def assert_said(answer: TestResponse, status: int, code: str, *words: str) -> None:
    assert (answer.status_code, answer.mimetype) == (status, PROBLEM), answer.text
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert answer.json["type"] == "about:blank"
    for word in words:
        assert word in answer.json["detail"]


def test_another_type_of_body_is_415(api: Program, session: Session, address: str) -> None:
    good = b'{"reason": "x", "cancelled_by": "staff"}'
    with nothing_done(session):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"):
            assert_said(sent(api, address, good, kind), 415, "unsupported_media_type", "application/json")
    assert sent(api, address, good, "application/json; charset=utf-8").status_code == 200


def test_too_large_a_body_is_413_whether_or_not_it_says_so(
    api: Program, session: Session, address: str
) -> None:
    large = b'{"reason": "' + b"x" * (256 * 1024) + b'"}'
    with nothing_done(session):
        assert_said(sent(api, address, large), 413, "too_large", "256 kB")
        huge = large * 9
        assert_said(sent(api, address, huge), 413, "too_large", "256 kB")
        unsaid = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
        answer = sent(api, address, b"", input_stream=io.BytesIO(large), environ_overrides=unsaid)
        assert_said(answer, 413, "too_large", "256 kB")


BROKEN = {
    b'{"reason": }': "line 1, column 12",
    b'{"reason": "x",\n "cancelled_by": staff}': "line 2, column 18",
    b"": "line 1, column 1",
    b"{'reason': 'x'}": "line 1, column 2",
    b'{"reason": "\xff"}': "byte 12",
    b'\xef\xbb\xbf{"reason": "x"}': "BOM",
    b'{"reason": NaN}': "NaN",
    b'{"reason": -Infinity}': "-Infinity",
    b'{"reason": 1' + b"0" * 5000 + b"}": "too long",
    b"[" * 100_000: "nests too deep",
    b'{"reason": "x", "reason": "y"}': "twice",
    b'{"reason": "a\nb"}': "control character",
}


def test_broken_json_is_400_and_says_where(api: Program, session: Session, address: str) -> None:
    with nothing_done(session):
        for content, where in BROKEN.items():
            assert_said(sent(api, address, content), 400, "bad_json", where)


WRONG = [
    (b"[]", []),
    (b'"x"', []),
    (b"null", []),
    (b"{}", ["reason", "cancelled_by"]),
    (b'{"reason": "x", "cancelled_by": "staff", "by": 1}', ["by"]),
    (b'{"reason": 5, "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": null, "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": ["x"], "cancelled_by": "nobody"}', ["reason", "cancelled_by"]),
    (b'{"reason": "x", "cancelled_by": "system"}', ["cancelled_by"]),
    (b'{"reason": "a\\u0000b", "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": "a\\u0007b", "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": "\\ud83d", "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": "   ", "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": "' + b"x" * 501 + b'", "cancelled_by": "staff"}', ["reason"]),
    (b'{"reason": "x", "cancelled_by": "staff", "\\ud800": 1}', []),
    (b'{"reason": ' + b"[" * 300 + b"]" * 300 + b"}", []),
]


def test_what_is_json_but_wrong_is_422_and_names_the_fields(
    api: Program, session: Session, address: str
) -> None:
    with nothing_done(session):
        for content, named in WRONG:
            answer = sent(api, address, content)
            assert_said(answer, 422, "invalid")
            found = fields(answer) if "errors" in answer.json else []
            assert found == named, content


def test_a_time_carries_its_offset_and_is_of_our_age(api: Program, session: Session, address: str) -> None:
    there = address.replace("cancel", "reschedule")
    with nothing_done(session):
        for text, word in {
            '"2026-01-20T10:00:00"': "offset",
            '"2026-01-20"': "2026-01-13T14:00:00",
            '"1768903200"': "2026-01-13T14:00:00",
            "1768903200": "2026-01-13T14:00:00",
            '"0001-01-01T00:00:00+23:59"': "1900",
            '"9999-12-31T23:59:59-23:59"': "2199",
            '"2026-02-30T10:00:00Z"': "2026-01-13T14:00:00",
            '"tomorrow"': "2026-01-13T14:00:00",
        }.items():
            answer = sent(api, there, f'{{"start_time": {text}}}'.encode())
            assert_said(answer, 422, "invalid", word)
            assert fields(answer) == ["start_time"]


def test_the_same_moment_may_be_written_with_any_offset(api: Program, session: Session, address: str) -> None:
    there = address.replace("cancel", "reschedule")
    answer = api.post(there, {"start_time": "2026-01-20T15:30:00+05:30"})
    assert answer.json["successor"]["start_time"] == "2026-01-20T10:00:00Z"


def test_a_refusal_names_the_field_as_it_was_sent(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    here = f"{LIST}/{made.appointment_id}"
    for body, field in [
        ({"start_time": "2026-01-12T10:00:00Z"}, "start_time"),
        ({"start_time": "2026-01-20T10:00:00Z", "end_time": "2026-01-20T09:00:00Z"}, "end_time"),
        ({"start_time": "2026-01-20T10:00:00Z", "end_time": "2026-01-20T10:01:00Z"}, "end_time"),
        ({"start_time": "2026-01-20T10:00:00Z", "staff_user_id": 987654321}, "staff_user_id"),
    ]:
        assert fields(api.post(f"{here}/reschedule", body)) == [field]
    session.rollback()
    begun = at_status(session, Status.CONFIRMED, world, start=world.now.replace(hour=9))
    early = {"no_show_party": "client", "occurred_at": "2026-01-13T08:00:00Z"}
    assert fields(api.post(f"{LIST}/{begun.appointment_id}/no-show", early)) == ["occurred_at"]


def test_a_query_is_read_as_strictly_as_a_body(api: Program, session: Session) -> None:
    with nothing_done(session):
        for query, named in {
            "limit=5&limit=6": ["limit"],
            "limit=5&limit=5": ["limit"],
            "limit=0": ["limit"],
            "limit=101": ["limit"],
            "limit=5.0": ["limit"],
            "limit=%205": ["limit"],
            "limit=1_0": ["limit"],
            "limit=": ["limit"],
            "limit=" + "9" * 5000: ["limit"],
            "staff_user_id=9223372036854775808": ["staff_user_id"],
            "staff_user_id=-1": ["staff_user_id"],
            "status=confirmed&status=gone": ["status.1"],
            "status=": ["status.0"],
            "from=2026-01-13": ["from"],
            "from=2026-01-13T14:00:00": ["from"],
            "from=2026-01-13T14:00:00+00:00": ["from"],  # the plus sign came as a blank
            "from_=2026-01-13T14:00:00Z": ["from_"],
            "page=2": ["page"],
            "external_ref=": ["external_ref"],
            "external_ref=%00": ["external_ref"],
            "cursor=x": ["cursor"],
            "cursor=1.2.3": ["cursor"],
            "cursor=999999999999999999.1": ["cursor"],
            "cursor=%C2%B2.1": ["cursor"],
        }.items():
            answer = api.get(f"{LIST}?{query}")
            assert_said(answer, 422, "invalid")
            assert fields(answer) == named, query
    assert api.get(f"{LIST}?status=confirmed&status=requested").status_code == 200
    assert api.get(f"{LIST}?from=2026-01-13T14:00:00%2B00:00").status_code == 200


def test_an_address_without_parameters_takes_none(api: Program, address: str, session: Session) -> None:
    with nothing_done(session):
        answer = api.post(f"{address}?reason=x", {"reason": "x", "cancelled_by": "staff"})
        assert_said(answer, 422, "invalid")
        assert fields(answer) == ["reason"]


def test_an_address_that_is_none_is_a_problem_too(api: Program) -> None:
    for path in ("/nothing", f"{LIST}/x", f"{LIST}/-1", f"{LIST}/1/explode"):
        assert_said(api.get(path), 404, "not_found", "openapi.json")
    assert_said(api.get(f"{LIST}/0"), 404, "not_found", "no such appointment")
    assert_said(api.get(f"{LIST}/9223372036854775807"), 404, "not_found", "no such appointment")
    for number in (2**63, 10**30, "9" * 5000):
        for answer in (api.get(f"{LIST}/{number}"), api.patch(f"{LIST}/{number}", {})):
            assert_said(answer, 404, "not_found", "such a number")


def test_an_address_with_a_slash_too_many_is_a_problem_and_no_redirect(
    api: Program, address: str, app: Flask, session: Session
) -> None:
    with nothing_done(session):
        for path in (f"{address}/", address.replace("/cancel", "//cancel")):
            answer = api.post(path, {"reason": "x", "cancelled_by": "staff"})
            assert_said(answer, 404, "not_found", "openapi.json")
            assert "Location" not in answer.headers
    for path in (f"{LIST}/", f"/{LIST}", f"{LIST}//1", "/openapi.json/"):
        assert_said(api.get(path), 404, "not_found", "openapi.json")
    assert_said(app.test_client().get("/api//v1/contacts"), 404, "not_found")
    leads = app.test_client().get("/api/v1")
    assert (leads.status_code, leads.headers["Location"]) == (308, "http://localhost/api/v1/")


def test_each_method_is_answered_sanely(api: Program, address: str) -> None:
    here = address.removesuffix("/cancel")
    whole = api.get(here)
    head = api.call("HEAD", here)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == whole.headers["ETag"]
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]
    options = api.call("OPTIONS", here)
    assert (options.status_code, options.data) == (200, b"")
    assert {"GET", "PATCH"} <= set(options.headers["Allow"].split(", "))
    assert_said(api.call("OPTIONS", "/nothing"), 404, "not_found")
    for method in ("TRACE", "DELETE", "PUT", "POST", "PROPFIND"):
        answer = api.call(method, here)
        assert_said(answer, 405, "method_not_allowed", "Allow")
        assert "PATCH" in answer.headers["Allow"]
    assert_said(api.get(address), 405, "method_not_allowed")


def test_the_rate_is_told_and_kept(
    app: Flask, calls_as: CallsAs, moved_clock: MovableClock, session: Session, address: str
) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], api_rate=3)
    api, other = calls_as(), calls_as()
    moved_clock.now = moved_clock.now.replace(second=40)
    left = [api.get(LIST).headers["RateLimit-Remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    with nothing_done(session):
        over = api.post(address, {"reason": "x", "cancelled_by": "staff"})
        assert_said(over, 429, "too_many_requests", "3 times a minute", "20 seconds")
    told = {name: value for name, value in over.headers.items() if name.startswith(("RateLimit", "Retry"))}
    assert told == {
        "RateLimit-Limit": "3",
        "RateLimit-Remaining": "0",
        "RateLimit-Reset": "20",
        "Retry-After": "20",
    }
    assert other.get(LIST).headers["RateLimit-Remaining"] == "2"
    moved_clock.pass_(seconds=19)
    assert api.get(LIST).status_code == 429
    moved_clock.pass_(seconds=1)
    fresh = api.get(LIST)
    assert (fresh.status_code, fresh.headers["RateLimit-Remaining"]) == (200, "2")
    assert fresh.headers["RateLimit-Reset"] == "60"


def test_what_was_refused_leaves_no_transaction_open(app: Flask, api: Program, address: str) -> None:
    """Whatever a request was refused for, its connection goes back to the pool with nothing begun."""
    wrong: list[tuple[str, str, Any]] = [
        ("POST", address, {"reason": "", "cancelled_by": "staff"}),
        ("POST", address, {"x": 1}),
        ("POST", address.replace("cancel", "approve"), {}),
        ("POST", f"{LIST}/987654321/approve", {}),
        ("GET", f"{LIST}/987654321", None),
        ("GET", f"{LIST}?cursor=x", None),
    ]
    with app.app_context():
        engine: Engine = db.engine
    for method, path, body in wrong:
        with app.app_context():
            assert api.call(method, path, body).status_code in {404, 409, 422}
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_token_is_in_no_line_about_what_went_wrong(
    app: Flask, api: Program, caplog: pytest.LogCaptureFixture
) -> None:
    app.testing = False
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with app.app_context():
        Appointment.__table__.drop(db.engine) if db.engine.dialect.name == "sqlite" else db.session.execute(
            db.text("DROP TABLE appointment CASCADE")
        )
        db.session.commit()
    answer = api.get(f"{LIST}?external_ref={api.token}")
    assert answer.status_code in {500, 503}
    assert answer.mimetype == PROBLEM
    assert "external_ref" in caplog.text or "/api/v1/appointments" in caplog.text
    assert api.token not in "\n".join(record.getMessage() for record in caplog.records)


def test_a_token_in_an_address_is_left_out_of_the_line_about_it(api: Program) -> None:
    line = f"GET /api/v1/appointments?access_token={api.token}&limit=1 HTTP/1.1"
    assert without_tokens(line) == "GET /api/v1/appointments?access_token=daybook_…&limit=1 HTTP/1.1"
    assert without_tokens(f"Authorization: Bearer {api.token}") == "Authorization: Bearer daybook_…"


def test_every_answer_is_json_that_reads_back(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    notes = 'Zoë said “8 o’clock” 🕗 <b>&\u2028 \\ "x"'
    answer = api.patch(f"{LIST}/{made.appointment_id}", {"notes": notes})
    assert json.loads(answer.data)["notes"] == notes
    assert api.get(f"{LIST}/{made.appointment_id}").json["notes"] == notes
