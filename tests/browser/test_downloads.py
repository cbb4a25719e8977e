"""A long list as a file: how far it is, stopping it, and that a piece of it is never saved as the whole."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Download, Page, Route, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import Desk
from tests.factories import make_world
from tests.support.axe import assert_no_violations
from tests.support.many import fill
from tests.support.web import LiveServer
from webapp.extensions import db

MANY = 4000
FILE = "marlow-appointments-2026-01-13.csv"
SLOWLY = 300_000  # bytes a second


@pytest.fixture
def listed(clock: None, page: Page, live_server: LiveServer) -> Page:
    """The list of four thousand appointments, over a slow line."""
    with live_server.app.app_context():
        engine = db.engine
    with Session(engine, expire_on_commit=False) as session:
        desk = Desk(page, live_server, make_world(session))
    fill(engine, desk.world, MANY)
    desk.as_user(desk.world.staff)
    page.goto("/appointments")
    line = {"offline": False, "latency": 0, "downloadThroughput": SLOWLY, "uploadThroughput": SLOWLY}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    return page


@contextmanager
def no_download(page: Page) -> Iterator[None]:
    found: list[Download] = []

    def keep(made: Download) -> None:
        found.append(made)

    page.on("download", keep)
    yield
    assert not found


def test_a_long_download_shows_its_rows_and_saves_the_whole_file(listed: Page) -> None:
    page = listed
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download CSV").click()
        display = page.get_by_role("group", name="Download")
        expect(display).to_contain_text(re.compile(rf"^\s*[\d,]+ of {MANY:,} rows"))
        assert 0 < display.get_by_role("progressbar").evaluate("bar => bar.value / bar.max") <= 1
        assert_no_violations(page)
        expect(page.locator("#announcer")).to_have_text(re.compile("^(25|50|75) % downloaded"))
    assert coming.value.suggested_filename == FILE
    saved = Path(coming.value.path()).read_bytes()
    assert saved == page.request.get("/appointments.csv").body()
    expect(display).to_have_count(0)
    expect(page.locator(".toast")).to_contain_text(f"Saved {FILE}, {MANY:,} rows")
    expect(page.locator("#announcer")).to_have_text(f"Saved {FILE}, {MANY:,} rows")


def test_it_can_be_stopped_and_nothing_is_saved(listed: Page) -> None:
    page = listed
    link = page.get_by_role("link", name="Download CSV")
    with no_download(page):
        link.click()
        page.get_by_role("button", name="Stop").click()
        expect(page.locator(".toast")).to_contain_text("Stopped. Nothing was saved.")
    expect(link).to_be_focused()


def test_a_file_that_breaks_off_is_noticed_and_can_be_tried_again(listed: Page) -> None:
    page = listed

    def cut(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.body()[:200_000])

    page.route("**/appointments.csv", cut)
    with no_download(page):
        page.get_by_role("link", name="Download CSV").click()
        notice = page.get_by_role("alert")
        expect(notice).to_contain_text(
            re.compile(rf"Not downloaded: it broke off after \d+ of {MANY:,} rows")
        )
        expect(notice).to_contain_text("Nothing was saved.")
        expect(notice).to_be_focused()
    page.unroute("**/appointments.csv")
    with page.expect_download() as coming:
        notice.get_by_role("button", name="Try again").click()
    assert coming.value.suggested_filename == FILE
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_server_that_cannot_answer_is_said(desk: Desk) -> None:
    page = desk.page
    page.goto("/appointments")
    page.route("**/appointments.csv", lambda route: route.fulfill(status=503))
    with no_download(page):
        page.get_by_role("link", name="Download CSV").click()
        expect(page.get_by_role("alert")).to_contain_text("Not downloaded: the server could not answer")


def test_who_is_signed_out_meanwhile_signs_in_first(desk: Desk) -> None:
    page = desk.page
    page.goto("/appointments")
    page.context.clear_cookies()
    page.get_by_role("link", name="Download CSV").click()
    page.wait_for_url(re.compile(r"/sign-in\?next=/appointments$"))


def test_a_short_one_is_saved_without_a_display(desk: Desk) -> None:
    page = desk.page
    page.goto("/contacts")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download CSV").click()
    assert coming.value.suggested_filename == "marlow-contacts-2026-01-13.csv"
    assert Path(coming.value.path()).read_bytes() == page.request.get("/contacts.csv").body()
    expect(page.locator(".toast")).to_have_count(0)


def test_without_script_the_link_is_an_ordinary_download(browser: Browser, desk: Desk) -> None:
    state = desk.page.context.storage_state()
    context = browser.new_context(base_url=desk.server.url, java_script_enabled=False, storage_state=state)
    page = context.new_page()
    page.goto("/appointments")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download CSV").click()
    assert coming.value.suggested_filename == FILE
    context.close()
