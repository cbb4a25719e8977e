"""A real browser: Debian's Chromium, or the one that ``CHROMIUM`` names."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from tests.support.demand import missing
from tests.support.web import LiveServer

TIMEOUT_MS = 10_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for each test process; every ``page`` is a visitor of its own in it."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not os.access(path, os.X_OK):
        missing(f"No browser at {path}: install chromium, or set CHROMIUM", "DAYBOOK_REQUIRE_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """A page of the served application; ``page.goto("/")`` is its front page.

    At the end it must have met no script error and nothing that the content security policy refused.
    """
    context = browser.new_context(base_url=live_server.url, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
    page.on("console", lambda message: complaints.extend(_complaint(message)))
    yield page
    context.close()
    assert not complaints, "The browser complained:\n" + "\n".join(complaints)


def _complaint(message: ConsoleMessage) -> list[str]:
    """An error on the console, other than the browser's note that an answer was a 4xx."""
    if message.type != "error" or message.text.startswith("Failed to load resource: the server responded"):
        return []
    return [f"console: {message.text}"]
