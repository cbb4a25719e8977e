"""A walk through all that a manager can look at finds nothing of the other firm, and changes nothing."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from html import unescape
from io import BytesIO
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from pypdf import PdfReader

from tests.support.html import Page
from tests.tenancy.asking import BROWSERS, OURS, Ask, address, routes
from tests.tenancy.conftest import Installation
from tests.tenancy.ground import Stock
from tests.tenancy.table import ROWS
from webapp.models import Base
from webapp.vocabulary import Role

LEAST = 500
MOST_OF_A_ROUTE = 30
"""Days and filters go on for ever."""
MOST = 650
PAPERS = 3
LINK = re.compile(r'(?:href|hx-get|src)="([^"]+)"')
OPTION = re.compile(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
VALUE = re.compile(r'<option[^>]*value="([^"]*)"')
UNMARKED = {
    *("firm.slug", "firm.timezone", "contact.timezone", "poll_invitee.timezone", "staff_user.email"),
    *("contact.phone", "contact_term.term", "webhook_endpoint.url", "mail_message.calendar_method"),
    *("api_token.hint", "api_token.scopes", "api_token.token_hash", "calendar_feed.token_hash"),
    *("invitation.token_hash", "personal_link.token_hash", "user_session.token_hash"),
    *("calendar_feed.nonce", "personal_link.nonce", "audit_event.action", "audit_event.subject"),
    *("outbox_event.event_type", "webhook_delivery.event_type", "sweep_hold.why"),
    *("webhook_attempt.request_body", "webhook_attempt.request_headers", "webhook_attempt.response_headers"),
    *("appointment_status_history.entry_hash", "appointment_status_history.words_salt"),
    *("appointment_status_history.previous_hash", "user_session.user_agent"),
}
"""Columns of text that hold names of zones, addresses, digests, or words of our own."""


class Walk:
    """From page to page, each once, as many of each route as it may."""

    def __init__(self, installation: Installation) -> None:
        self.installation, self.browser = installation, installation.visitor(Role.MANAGER)
        token = installation.ours.bearers["every scope"]
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.adapter = installation.app.url_map.bind("localhost")
        self.waiting = deque(self._doors())
        self.known, self.of_route = set(self.waiting), Counter[str]()
        self.texts: dict[str, str] = {}
        self.faults: list[str] = []

    def _doors(self) -> Iterator[str]:
        """Each route that can be looked at, filled with our own."""
        manager = next(asker for asker in BROWSERS if asker.role is Role.MANAGER)
        for rule in routes(self.installation.app):
            if "GET" in (rule.methods or ()):
                whose = (OURS,) * len(ROWS[rule.endpoint].fill)
                yield address(self.installation.app, Ask(rule, "GET", manager, whose, 0), self.installation)

    def go(self) -> None:
        while self.waiting and len(self.texts) < MOST:
            here = self.waiting.popleft()
            endpoint = self._endpoint(here)
            most = PAPERS if here.partition("?")[0].endswith(".pdf") else MOST_OF_A_ROUTE
            if endpoint and (self.of_route[endpoint] < most):
                self.of_route[endpoint] += 1
                self._read(here)

    def _endpoint(self, here: str) -> str:
        try:
            return str(self.adapter.match(urlsplit(here).path, method="GET")[0])
        except Exception as error:
            if getattr(error, "code", 0) not in {404, 405}:
                raise
            return ""

    def _read(self, here: str) -> None:
        headers = self.bearer if here.startswith("/api/") else {}
        answer = self.browser.get(here, headers=headers)
        if answer.status_code >= 400 and here != "/metrics":
            self.faults.append(f"{here}: {answer.status_code}")
        text = (
            answer.get_data(as_text=True) if answer.mimetype != "application/pdf" else _of_paper(answer.data)
        )
        self.texts[here] = text
        for found in (*self._links(answer, text), *self._filters(here, answer, text)):
            there = urljoin(f"http://localhost{here}", unescape(found)).partition("#")[0]
            parts = urlsplit(there)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            if parts.netloc == "localhost" and not path.startswith("/static") and path not in self.known:
                self.known.add(path)
                self.waiting.append(path)

    def _links(self, answer: Any, text: str) -> list[str]:
        if answer.location:
            return [answer.location]
        if answer.mimetype == "application/json":
            following = answer.json.get("next") if isinstance(answer.json, dict) else None
            return [following] if following else []
        return LINK.findall(text) if answer.mimetype == "text/html" else []

    def _filters(self, here: str, answer: Any, text: str) -> Iterator[str]:
        """Each choice of each list in a form that only asks."""
        if answer.mimetype != "text/html" or not any(form.method == "get" for form in Page(text).forms):
            return
        for name, options in OPTION.findall(text):
            for value in VALUE.findall(options)[:12]:
                yield f"{urlsplit(here).path}?{urlencode({name: unescape(value)})}"


def _of_paper(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


@pytest.fixture(scope="module")
def walk(one: Installation) -> Walk:
    one.as_it_was()
    one.before_the_walk = one.dump()
    found = Walk(one)
    found.go()
    return found


def test_every_text_of_a_firm_carries_its_mark(one: Installation) -> None:
    """Else finding no mark would prove little."""
    one.as_it_was()
    bare: list[str] = []
    for stock in (one.ours, one.theirs):
        bare += _unmarked(one, stock)
    assert not bare, "\n".join(bare)


def _unmarked(one: Installation, stock: Stock) -> Iterator[str]:
    with one.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for column in table.c if "firm_id" in table.c else ():
                plain = isinstance(column.type, sa.String | sa.Text) and not isinstance(column.type, sa.Enum)
                if not plain or f"{table.name}.{column.name}" in UNMARKED:
                    continue
                asked = sa.select(column).where(
                    table.c.firm_id == stock.ids["firm_id"], column != "", column.is_not(None)
                )
                for text in connection.scalars(asked):
                    if stock.mark.lower() not in text.lower():
                        yield f"{table.name}.{column.name}: {text}"


def test_hundreds_of_pages_of_a_manager_hold_nothing_of_the_other_firm(walk: Walk, one: Installation) -> None:
    assert not walk.faults, "\n".join(walk.faults)
    assert len(walk.texts) >= LEAST
    numbers = [str(number) for number in one.theirs.ids.values() if isinstance(number, int)]
    signs = [one.theirs.mark.lower(), "@harbour.example", *(number for number in numbers if len(number) == 7)]
    found = [(here, sign) for here, text in walk.texts.items() for sign in signs if sign in text.lower()]
    assert not found


def test_the_walk_sees_what_is_ours_on_most_pages_and_every_route(walk: Walk, one: Installation) -> None:
    ours = [here for here, text in walk.texts.items() if one.ours.mark.lower() in text.lower()]
    assert len(ours) > LEAST * 0.8
    there = {rule.endpoint for rule in routes(one.app) if "GET" in (rule.methods or ())}
    assert there - set(walk.of_route) == set()
    assert len([here for here in walk.texts if here.startswith("/api/")]) > 15


def test_the_walk_of_the_other_firm_would_be_noticed(one: Installation) -> None:
    """The same eyes, at the other desk: the mark that was not found is there to be found."""
    browser: FlaskClient = one.app.test_client()
    browser.set_cookie("daybook", one.theirs.cookies[Role.MANAGER])
    for path in ("/day/2026-01-14", "/contacts", "/activity", "/reports", "/team", "/outbox"):
        assert one.theirs.mark in browser.get(path).text, path


def test_looking_changes_nothing(walk: Walk, one: Installation) -> None:
    after = one.dump()
    written = [name for name, rows in after.items() if rows != one.before_the_walk[name]]
    assert written == []
