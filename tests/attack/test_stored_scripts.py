"""Scripts stored in every text, each page then opened in a browser: nothing runs, whatever the policy says.

A page is opened with the policy taken out of the way (it is only asked to report), so that what would run
does run; some are opened again as they are served.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy.orm import Session

from tests.attack.asking import addresses, filled, routes
from tests.attack.ground import Ground, build
from tests.factories import NOW
from tests.support.signed_in import COOKIE
from tests.support.web import LiveServer
from webapp.delivery import events
from webapp.extensions import db
from webapp.models import Base
from webapp.ui import guards

pytestmark = pytest.mark.one_engine("sqlite")  # both engines give the same rows to the same templates

ELSEWHERE = (".csv", ".pdf", ".ics", ".eml")
"""Files, which a browser saves: test_injection.py."""
TAKEN = "/shortcuts"
PATIENCE_MS = 10_000
FOUND = """() => [...document.querySelectorAll('[onerror], [onload], img[src="x"]')].map(e => e.outerHTML)"""
WATCH = """
  window.refused = [];
  document.addEventListener('securitypolicyviolation', (event) => {
    window.refused.push(event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sample);
  });
"""
CLOSED = {
    "api_token": {"token_hash", "hint", "scopes"},
    "appointment_status_history": {"overrides", "entry_hash", "words_salt", "erased_words"},
    "attendance": {"withdrawn_by"},
    "audit_event": {"subject", "action"},
    "calendar_feed": {"nonce", "token_hash", "statuses"},
    "contact": {"timezone"},
    "contact_term": {"term"},
    "erased_reference": {"trace"},
    "firm": {"slug", "timezone", "working_hours"},
    "history_seal": {"members", "root", "previous", "key_id", "signature"},
    "invitation": {"token_hash"},
    "mail_message": {"dedup_key", "calendar_method", "leased_by"},
    "outbox_event": {"event_type", "payload", "leased_by"},
    "personal_link": {"nonce", "token_hash"},
    "poll_invitee": {"timezone"},
    "sign_in_failure": {"subject"},
    "staff_user": {"password_hash"},
    "submission": {"token", "answer"},
    "sweep_hold": {"why", "decision"},
    "user_session": {"token_hash"},
    "webhook_delivery": {"event_type"},
    "webhook_endpoint": {"event_types", "leased_by"},
    "worker_heartbeat": {"worker"},
}
"""Texts that nobody types: hashes, words that the application chooses, what is kept for itself.
``withdrawn_by`` is a name of the team's, like ``actor_label`` beside it."""


def is_text(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.String | sa.JSON) and not isinstance(column.type, sa.Enum)


@dataclass
class Payloads:
    """A payload of its own for each text, so that the one that runs is known by its number."""

    names: dict[str, int] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, name: str) -> str:
        number = self.names.setdefault(name, next(self.numbers))
        if name == "phone":  # the shortest column
            return f"<img src=x onerror=alert({number})>"
        if name in {"email", "address"}:  # what mail can be sent to
            return f'"<img/src=x/onerror=alert({number})>"@client.example'
        return f"""'"></title></textarea><img src=x onerror=alert({number})>"""


@dataclass
class Stage:
    """The attacked firm, served; ``enforced`` is whether the policy is."""

    server: LiveServer
    ground: Ground
    payloads: Payloads
    enforced: bool = True


@pytest.fixture
def stage(live_server: LiveServer) -> Iterator[Stage]:
    with time_machine.travel(NOW, tick=True):
        app = live_server.app
        with app.app_context():
            engine = db.engine
        payloads = Payloads()
        with Session(engine, expire_on_commit=False) as session:
            ground = build(session, app, payloads)
        settings = app.config["SETTINGS"]
        events.handle(lambda: Session(engine), settings=settings, now=NOW, worker="w", limit=200)
        made = Stage(live_server, ground, payloads)
        app.wsgi_app = without_policy(app.wsgi_app, made)  # type: ignore[method-assign]
        yield made


def without_policy(application: Any, stage: Stage) -> Any:
    """The same answers, the policy only asked to report while it is not enforced."""

    def answer(environ: Any, start: Callable[..., Any]) -> Any:
        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if not stage.enforced:
                renamed = "Content-Security-Policy-Report-Only"
                headers = [
                    (renamed if name == "Content-Security-Policy" else name, value) for name, value in headers
                ]
            return start(status, headers, *more)

        return application(environ, begin)

    return answer


@dataclass
class Watched:
    """A browser that notes whatever ran or was refused."""

    page: Page
    ran: list[str] = field(default_factory=list)

    def faults(self, path: str, *, within: Callable[[], None] | None = None) -> list[str]:
        """Open the address; what ran there, what the policy refused, and what stands there that could run."""
        self.ran.clear()
        self.page.goto(path, wait_until="load")
        if within is not None:
            within()
        refused = self.page.evaluate("window.refused")
        found = self.page.evaluate(FOUND)
        return [f"{path}: {what}" for what in (*self.ran, *refused, *found)]


@pytest.fixture
def watched(browser: Browser, stage: Stage) -> Iterator[Watched]:
    context = browser.new_context(base_url=stage.server.url, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    context.add_cookies([{"name": COOKIE, "value": stage.ground.cookie, "url": stage.server.url}])
    context.add_init_script(WATCH)
    watched = Watched(context.new_page())

    def dialog(found: Any) -> None:
        watched.ran.append(f"alert({found.message}) ran")
        found.dismiss()

    watched.page.on("dialog", dialog)
    watched.page.on("pageerror", lambda error: watched.ran.append(f"script error: {error}"))
    yield watched
    context.close()


def pages(stage: Stage) -> list[str]:
    """Every page, about each thing of the ground."""
    app, found = stage.server.app, []
    for rule in routes(app):
        if "GET" in (rule.methods or set()) and not rule.rule.endswith(ELSEWHERE):
            found += [filled(path, stage.ground.ids) for path in addresses(app, rule)]
    last = stage.ground.ids["mail"]
    found += [f"/outbox/{last + n}{part}" for n in (1, 2, 3) for part in ("", "/html")]
    found += [f"/{noun}?q=onerror" for noun in ("contacts", "accounts", "appointments", "contacts/options")]
    visitor = app.test_client()
    visitor.set_cookie(COOKIE, stage.ground.cookie)
    answers = {path: visitor.get(path) for path in found}
    return [path for path, answer in answers.items() if answer.mimetype == "text/html" and answer.data]


def test_no_stored_script_runs_with_the_policy_out_of_the_way(stage: Stage, watched: Watched) -> None:
    stage.enforced = False
    asked = pages(stage)
    faults = [fault for path in asked for fault in watched.faults(path)]
    assert not faults, "\n".join(faults)
    assert len(asked) > 150


def test_with_the_policy_nothing_runs_and_nothing_is_even_refused(stage: Stage, watched: Watched) -> None:
    faults = [fault for path in pages(stage)[::9] for fault in watched.faults(path)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("enforced", [True, False])
def test_a_page_that_shows_a_text_as_it_is_would_be_found(
    stage: Stage, watched: Watched, enforced: bool
) -> None:
    stage.enforced = enforced
    app = stage.server.app
    name = stage.payloads("contact")
    raw(app, f"<!doctype html><title>{name}</title><p>{name}</p>")
    faults = watched.faults(TAKEN)
    number = stage.payloads.names["contact"]
    assert any("onerror" in fault for fault in faults)
    assert any(f"alert({number}) ran" in fault for fault in faults) is not enforced
    assert any("script-src" in fault for fault in faults)


def raw(app: Flask, page: str) -> None:
    """A view as it must not be; the application serves already, so it takes the place of another."""

    def shown() -> str:
        return page

    app.view_functions["pages.shortcuts"] = guards.public(shown)


def test_what_scripts_put_into_a_page_stays_text(stage: Stage, watched: Watched) -> None:
    """Suggestions while typing, menus and dialogs come as pieces of pages."""
    stage.enforced = False
    page, ids = watched.page, stage.ground.ids

    def search() -> None:
        page.locator("input[name=contact_q]").press_sequentially("onerror")
        expect(page.locator("#contact_id-options label").first).to_be_visible()

    def dialogs() -> None:
        for name in ("Reschedule…", "Cancel appointment…", "Edit details…"):
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            page.keyboard.press("Escape")

    faults = watched.faults("/appointments/new", within=search)
    faults += watched.faults(f"/appointments/{ids['confirmed']}", within=dialogs)
    assert not faults, "\n".join(faults)


def test_every_text_of_the_database_was_attacked(stage: Stage) -> None:
    left = set()
    with stage.server.app.app_context(), db.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            typed = (column for column in table.c if is_text(column))
            for column in (each for each in typed if each.name not in CLOSED.get(table.name, ())):
                texts = connection.execute(sa.select(column)).scalars()
                if not any("onerror=alert(" in json.dumps(text) for text in texts):
                    left.add(f"{table.name}.{column.name}")
    assert not left, sorted(left)
