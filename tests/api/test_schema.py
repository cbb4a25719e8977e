"""The document against the application: what it promises is what is answered, whatever is sent.

About two thousand requests on each engine; ``HYPOTHESIS_PROFILE=nightly`` (``make nightly``): ten thousand.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import StopReason, events, from_schema
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR
from schemathesis.transport.wsgi import WSGITransport
from sqlalchemy.orm import Session

from tests.api.conftest import CallsAs
from tests.factories import DAY, World, at_status
from tests.support.api import API, token_of
from tests.support.engines import dispose, make_app, settings_for
from tests.support.polls import make_poll
from tests.ui.conftest import MovableClock
from webapp.api.operations import OPERATIONS
from webapp.vocabulary import OUTCOMES, SCOPE_LABELS, Status

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
EXAMPLES, LEAST = (700, 10_000) if NIGHTLY else (8, 1_000)
DOCUMENT = f"{API}/openapi.json"

CHECKS: dict[str, Any] = {
    # Rules of the domain that no schema can say refuse what the schema allows: 422 where the end lies before
    # the start, a reason is blank, or the day is too far ahead; 412 where If-Match is another version's.
    "positive_data_acceptance": {
        "expected-statuses": ["2xx", "401", "403", "404", "409", "412", "422"],
    },
    # What is no tag of ours is refused as a tag that does not match; 413 is a refusal like the others.
    "negative_data_rejection": {
        "expected-statuses": ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422"],
    },
}
"""Two checks are widened by a status; all the others are as they come, and all are on."""


@dataclass
class Outcome:
    """What became of all the requests."""

    phases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def take(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.ScenarioFinished):
            self._count(event)
        elif isinstance(event, events.NonFatalError):
            self.faults.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
        elif isinstance(event, events.EngineFinished) and event.stop_reason is not StopReason.COMPLETED:
            self.faults.append(f"It stopped early: {event.stop_reason}")

    def _count(self, event: events.ScenarioFinished) -> None:
        label = event.recorder.label
        self.phases[event.phase.value] += len(event.recorder.interactions)
        for interaction in event.recorder.interactions.values():
            if interaction.response is not None:
                self.statuses[interaction.response.status_code] += 1
                self.operations[label] += 1
        for check in (each for found in event.recorder.checks.values() for each in found):
            self.checks[check.name] += 1
            if (info := check.failure_info) is not None:
                told = f"{check.name}: {info.failure.title}\n{info.failure.message}\n{info.code_sample}"
                self.faults.append(f"{label}: {told}")


@pytest.fixture
def loaded(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get(DOCUMENT)
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    found: dict[str, Any] = answer.json
    return found


@pytest.fixture
def busy(session: Session, world: World) -> World:
    """Something of everything that the document tells of."""
    for place, status in enumerate(Status):
        ahead = (2 * place + 3) * DAY  # one that is moved is moved by a day
        at_status(session, status, world, start=world.now + (-ahead if status in OUTCOMES else ahead))
        session.rollback()
    make_poll(session, world)
    session.commit()
    return world


@pytest.fixture
def unlimited(database_url: str, busy: World, tmp_path: Path, moved_clock: MovableClock) -> Iterator[Flask]:
    """The application where a token may call as often as this test does."""
    app = make_app(replace(settings_for(database_url, tmp_path), api_rate=10**9))
    yield app
    with app.app_context():
        dispose(app)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls within the process take no settings of sockets; in 4.32 some checks hand them on all the same."""
    send = WSGITransport.send

    def without_sockets(self: WSGITransport, case: Any, *, session: Any = None, **more: Any) -> Any:
        for name in ("max_redirects", "verify", "cert", "proxies"):
            more.pop(name, None)
        return send(self, case, session=session, **more)

    monkeypatch.setattr(WSGITransport, "send", without_sockets)


def test_the_application_keeps_what_the_document_promises(
    unlimited: Flask, busy: World, session: Session, in_process: None
) -> None:
    token = token_of(session, busy, busy.manager)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    config = SchemathesisConfig.from_dict(
        {
            "headers": headers,
            "continue-on-failure": True,
            "seed": 20260113,
            "generation": {"max-examples": EXAMPLES, "deterministic": not NIGHTLY, "database": "none"},
            "checks": CHECKS,
        }
    )
    schema = schemathesis.openapi.from_wsgi(DOCUMENT, unlimited, config=config)
    found = Outcome()
    for event in from_schema(schema).execute():
        found.take(event)
    print(f"\n{found.phases.total():,} requests {dict(found.phases)}, answers {dict(found.statuses)}")
    assert not found.faults, "\n\n".join(found.faults[:10])
    assert not [status for status in found.statuses if status >= 500]
    assert found.phases.total() >= LEAST
    assert len([label for label in found.operations if label.partition(" ")[2]]) >= len(OPERATIONS)
    assert {200, 201, 400, 401, 404, 405, 409, 412, 415, 422} <= set(found.statuses)
    for check in ("not_a_server_error", "response_schema_conformance", "response_headers_conformance"):
        assert found.checks[check] > 100


@pytest.mark.one_engine("sqlite")  # the document is made of code alone
def test_the_document_is_openapi(loaded: dict[str, Any]) -> None:
    assert loaded["openapi"].startswith("3.1")
    faults = [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(loaded)]
    assert not faults, "\n".join(faults)


@pytest.mark.one_engine("sqlite")
def test_every_operation_is_described_with_every_refusal(loaded: dict[str, Any]) -> None:
    seen = 0
    for operation in OPERATIONS:
        path = operation.path.replace("<int:", "{").replace(">", "}")
        told, seen = loaded["paths"][path][operation.method.lower()], seen + 1
        assert told["summary"], path
        assert "Needs the scope `" in told["description"], path
        assert len(told["description"]) > len(SCOPE_LABELS[operation.scope]) + 30, path
        refusals = {"401", "403", "422", "429", "503"}
        refusals |= {"400", "413", "415"} if "requestBody" in told else set()
        refusals |= {"404"} if "{" in path else set()
        refusals |= {"409", "412"} if operation.versioned else set()
        assert refusals <= set(told["responses"]), path
        assert all(each["description"] for each in told["parameters"]), path
        if operation.body is not None:
            fields = loaded["components"]["schemas"][operation.body.__name__].get("properties", {})
            assert [name for name, field in fields.items() if not field["description"]] == [], path
    assert seen == sum(len(item) for item in loaded["paths"].values())
    names = [told["operationId"] for item in loaded["paths"].values() for told in item.values()]
    assert len(set(names)) == len(names)
    responses = loaded["components"]["responses"]
    assert "Retry-After" in responses["Problem429"]["headers"]
    assert "WWW-Authenticate" in responses["Problem401"]["headers"]


@pytest.mark.one_engine("sqlite")
def test_parameters_say_how_they_are_written(loaded: dict[str, Any]) -> None:
    listed = {each["name"]: each for each in loaded["paths"]["/appointments"]["get"]["parameters"]}
    assert (listed["status"]["style"], listed["status"]["explode"]) == ("form", True)
    assert listed["status"]["schema"]["items"] == {"$ref": "#/components/schemas/Status"}
    assert loaded["components"]["schemas"]["Status"]["enum"] == [status.value for status in Status]
    assert {"from", "to"} <= set(listed)
    assert "from_" not in listed
    assert listed["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    for item in loaded["paths"].values():
        for told in item.values():
            for each in told["parameters"]:
                assert "null" not in str(each["schema"]), each


@pytest.mark.one_engine("sqlite")
def test_every_example_is_what_its_schema_says(loaded: dict[str, Any]) -> None:
    around, seen = {"components": loaded["components"]}, 0
    for path, item in loaded["paths"].items():
        for told in item.values():
            contents = [told.get("requestBody", {}).get("content", {})]
            contents += [answer["content"] for answer in told["responses"].values() if "content" in answer]
            for content in (each for found in contents for each in found.values()):
                validator = jsonschema_rs.Draft202012Validator(
                    content["schema"] | around, validate_formats=True
                )
                faults = [error.message for error in validator.iter_errors(content["example"])]
                assert not faults, (path, faults)
                seen += 1
    assert seen > len(OPERATIONS)


@pytest.mark.one_engine("sqlite")
def test_the_document_is_for_everybody_and_the_same_for_all(app: Flask, calls_as: CallsAs) -> None:
    stranger, program = app.test_client().get(DOCUMENT), calls_as().get(DOCUMENT)
    assert stranger.data == program.data
    assert stranger.headers["Cache-Control"] == "public, max-age=300"
    assert "Set-Cookie" not in stranger.headers
