"""Writing once: ``If-Match`` against overwriting others, ``Idempotency-Key`` against doing it twice."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.api.conftest import CallsAs
from tests.factories import World, at_status
from tests.lifecycle.rows import everything
from tests.support.api import API, Program, token_of
from tests.ui.conftest import MovableClock
from webapp.api.operations import OPERATIONS
from webapp.models import ApiToken, Appointment
from webapp.vocabulary import Status

LIST = "/appointments"
KEY = "2d4b1c8e-6a0f-4f57-9a8b-7d0e5b3c1a92"
CANCEL = {"reason": "Ada is ill", "cancelled_by": "client"}


@pytest.fixture
def here(session: Session, world: World) -> str:
    return f"{LIST}/{at_status(session, Status.CONFIRMED, world).appointment_id}"


def booking(world: World, hour: int = 9) -> dict[str, Any]:
    return {
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": f"2026-01-20T{hour:02}:00:00Z",
    }


def count(session: Session) -> int:
    session.rollback()
    return session.scalar(sa.select(sa.func.count()).select_from(Appointment)) or 0


def at_once(app: Flask, calls: list[Callable[[], TestResponse]]) -> list[TestResponse]:
    """What each call was answered, all made at the same moment, each from a thread of its own."""
    ready, found = Barrier(len(calls)), list[TestResponse | None]([None] * len(calls))

    def run(place: int, call: Callable[[], TestResponse]) -> None:
        ready.wait()
        found[place] = call()

    threads = [Thread(target=run, args=numbered) for numbered in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for answer in found if answer is not None]


def twins(app: Flask, api: Program, number: int = 2) -> list[Program]:
    """The same program in several places: one token."""
    return [Program(app.test_client(), api.token) for _ in range(number)]


def test_the_version_that_was_seen_lets_the_write_through(api: Program, here: str) -> None:
    seen = api.get(here).headers["ETag"]
    assert seen == '"1"'
    assert api.patch(here, {"notes": "a"}, If_Match=seen).headers["ETag"] == '"2"'
    assert api.patch(here, {"notes": "b"}, If_Match='W/"2"').headers["ETag"] == '"3"'
    assert api.patch(here, {"notes": "c"}, If_Match="*").headers["ETag"] == '"4"'


def test_the_tag_of_a_compressed_answer_is_the_same_version(api: Program, here: str) -> None:
    for number, kind in enumerate(("gzip", "br"), start=1):
        answer = api.get(here, Accept_Encoding=kind)
        assert answer.headers["Content-Encoding"] == kind
        seen = answer.headers["ETag"]
        assert seen != f'"{number}"'
        assert api.patch(here, {"notes": kind}, If_Match=seen).status_code == 200
        assert api.patch(here, {"notes": "later"}, If_Match=seen).status_code == 412


@pytest.mark.parametrize("tag", ['"1"', '"99"', "seven", '"-1"', '"1", "2"', '"1" "2"', "", '"²"', '"' * 9])
def test_a_tag_that_is_not_the_version_is_412_and_nothing_is_done(
    api: Program, session: Session, here: str, tag: str
) -> None:
    api.patch(here, {"notes": "meanwhile"})
    session.rollback()
    before = everything(session)
    for answer in (
        api.patch(here, {"notes": "x"}, If_Match=tag),
        api.post(f"{here}/cancel", CANCEL, If_Match=tag),
    ):
        assert (answer.status_code, answer.json["code"]) == (412, "stale")
    session.rollback()
    assert everything(session) == before


def test_a_stale_write_says_who_was_first_whether_it_named_the_version_or_not(
    api: Program, here: str
) -> None:
    assert api.post(f"{here}/cancel", CANCEL).status_code == 200
    with_tag = api.post(f"{here}/complete", {}, If_Match='"1"')
    without = api.post(f"{here}/complete", {})
    assert (with_tag.status_code, without.status_code) == (412, 409)
    assert "Lena Fischer (API: Website) cancelled it" in with_tag.json["detail"]
    assert "Lena Fischer (API: Website) cancelled it" in without.json["detail"]


def test_of_two_writes_of_one_version_at_once_one_wins(
    app: Flask, api: Program, session: Session, here: str
) -> None:
    first, second = twins(app, api)
    answers = at_once(
        app,
        [
            lambda: first.post(f"{here}/cancel", CANCEL, If_Match='"1"'),
            lambda: second.post(f"{here}/reschedule", {"start_time": "2026-01-20T09:00:00Z"}, If_Match='"1"'),
        ],
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_the_first_answer_is_given_again(api: Program, session: Session, world: World) -> None:
    body = booking(world)
    first = api.post(LIST, body, Idempotency_Key=KEY)
    api.patch(first.headers["Location"], {"notes": "changed since"})
    again = api.post(LIST, body, Idempotency_Key=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert count(session) == 1


def test_the_same_key_with_something_else_is_422(
    api: Program, session: Session, world: World, here: str
) -> None:
    assert api.post(LIST, booking(world), Idempotency_Key=KEY).status_code == 201
    session.rollback()
    before = everything(session)
    others = [
        api.post(LIST, booking(world, 11), Idempotency_Key=KEY),
        api.post(f"{here}/cancel", CANCEL, Idempotency_Key=KEY),
    ]
    for answer in others:
        assert (answer.status_code, answer.json["code"]) == (422, "key_reused")
    session.rollback()
    assert everything(session) == before


def test_another_tokens_key_is_another_key(
    api: Program, calls_as: CallsAs, session: Session, world: World, other: World, app: Flask
) -> None:
    same_firm = calls_as(world.manager)
    elsewhere = Program(app.test_client(), token_of(session, other))
    answers = [
        api.post(LIST, booking(world), Idempotency_Key=KEY),
        same_firm.post(LIST, booking(world, 11), Idempotency_Key=KEY),
        elsewhere.post(LIST, booking(other, 15), Idempotency_Key=KEY),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert count(session) == 3


def test_a_refusal_does_not_use_up_the_key(
    api: Program, session: Session, world: World, here: str, moved_clock: MovableClock
) -> None:
    early = api.post(f"{here}/complete", {}, Idempotency_Key=KEY)
    assert early.status_code == 409
    moved_clock.pass_(days=1, minutes=10)
    assert api.post(f"{here}/complete", {}, Idempotency_Key=KEY).status_code == 200
    other = "another-key"
    assert api.post(f"{here}/cancel", {"reason": " ", "cancelled_by": "staff"}, Idempotency_Key=other)
    answer = api.post(LIST, booking(world), Idempotency_Key=other)
    assert answer.status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "\xe4", "a\tb"])
def test_a_key_that_is_none_is_400(api: Program, session: Session, here: str, key: str) -> None:
    answer = api.post(f"{here}/cancel", CANCEL, Idempotency_Key=key)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_key")
    assert api.get(here).json["status"] == "confirmed"
    assert api.post(f"{here}/cancel", CANCEL, Idempotency_Key="x" * 255).status_code == 200


def test_two_at_once_with_one_key_have_one_effect(
    app: Flask, api: Program, session: Session, world: World
) -> None:
    body = booking(world)
    answers = at_once(
        app,
        [
            lambda program=program: program.post(LIST, body, Idempotency_Key=KEY)  # type: ignore[misc]
            for program in twins(app, api, 4)
        ],
    )
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.data for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert count(session) == 1


def test_two_at_once_without_a_key_take_the_time_once(
    app: Flask, api: Program, session: Session, world: World
) -> None:
    body = booking(world)
    calls = [
        lambda program=program: program.post(LIST, body)  # type: ignore[misc]
        for program in twins(app, api)
    ]
    answers = at_once(app, calls)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert count(session) == 1


def test_requests_are_counted_exactly_however_many_come_at_once(
    app: Flask, api: Program, session: Session
) -> None:
    def some(program: Program) -> TestResponse:
        for _ in range(9):
            program.get(LIST)
        return program.get(LIST)

    programs = twins(app, api)
    at_once(app, [lambda program=program: some(program) for program in programs])  # type: ignore[misc]
    session.rollback()
    assert session.scalar(sa.select(ApiToken.window_count)) == 20


def test_every_write_of_the_document_takes_a_key(app: Flask, api: Program) -> None:
    """Through the whole document: a key that is none is refused wherever anything is posted."""
    document = app.test_client().get(f"{API}/openapi.json").json
    writes = [
        (path, item[method])
        for path, item in document["paths"].items()
        for method in ("post", "patch")
        if method in item
    ]
    assert len(writes) == sum(operation.method != "GET" for operation in OPERATIONS) > 11
    for path, told in writes:
        keys = [each for each in told["parameters"] if each["name"] == "Idempotency-Key"]
        assert len(keys) == 1, path
        assert "same bytes" in keys[0]["description"]
        assert "Idempotency-Replayed" in next(iter(told["responses"].values()))["headers"], path


def test_a_key_is_remembered_for_two_days(
    api: Program, session: Session, world: World, moved_clock: MovableClock
) -> None:
    body = booking(world)
    first = api.post(LIST, body, Idempotency_Key=KEY)
    moved_clock.pass_(hours=47)
    assert api.post(LIST, body, Idempotency_Key=KEY).data == first.data
    moved_clock.now = world.now + timedelta(hours=49)
    api.post(LIST, booking(world, 14), Idempotency_Key="the-next-one")
    assert api.post(LIST, body, Idempotency_Key=KEY).status_code == 409
