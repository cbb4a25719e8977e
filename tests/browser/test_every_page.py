"""Every page, as a manager sees it: accessible, no sideways scrolling, nothing refused, printable."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import TODAY, Desk
from tests.support.axe import assert_no_violations

PAGES = [
    f"/day/{TODAY}",
    f"/week/{TODAY}",
    "/day/2026-01-17",
    f"/day/{TODAY}?q=nobody",
    "/appointments",
    "/appointments?q=nobody",
    "/appointments/new",
    "/appointments/{confirmed}",
    "/appointments/{confirmed}/rescheduling",
    "/appointments/{confirmed}/cancellation",
    "/appointments/{confirmed}/details",
    "/appointments/{ended}/no-show",
    "/appointments/{ended}/completion",
    "/appointments/{requested}",
    "/appointments/{requested}/decline",
    "/requests",
    "/needs-outcome",
    "/contacts",
    "/contacts/new",
    "/contacts/1",
    "/contacts/1/edit",
    "/accounts",
    "/accounts/new",
    "/accounts/1",
    "/accounts/1/edit",
    "/settings",
    "/settings/outcomes",
    "/settings/reminders",
    "/settings/attendance",
    "/settings/mail",
    "/settings/mail/reminder",
    "/outbox",
    "/held-back",
    "/polls",
    "/polls/new",
    "/settings/types",
    "/settings/types/new",
    "/team",
    "/preferences",
    "/shortcuts",
    "/components",
    "/nowhere",
]
LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture
def manager(desk: Desk) -> Desk:
    desk.page.context.clear_cookies()
    desk.as_user(desk.world.manager)
    return desk


def address(desk: Desk, path: str) -> str:
    return path.format(
        confirmed=desk.by("Amara Okafor"), ended=desk.by("Jonas Weber"), requested=desk.by("Ada Byron")
    )


def look(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")


@pytest.mark.parametrize("path", PAGES)
def test_the_page_has_no_accessibility_violation_and_does_not_scroll_sideways(
    manager: Desk, path: str
) -> None:
    page = manager.page
    for width, scheme in LOOKS:
        look(page, width, scheme)
        page.goto(address(manager, path))
        assert_no_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.locator("h1")).to_have_count(1)


def test_the_dialogs_have_no_accessibility_violation(manager: Desk) -> None:
    page = manager.page
    for width, scheme in LOOKS:
        look(page, width, scheme)
        page.goto(f"/appointments/{manager.by('Amara Okafor')}")
        for name in ("Reschedule…", "Cancel appointment…", "Edit details…"):
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("dialog")).to_be_visible()
            assert_no_violations(page, within="#dialog")
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()


def test_what_the_page_asks_for_stays_on_the_host_and_is_small(manager: Desk) -> None:
    """A first page view asks for at most 80 kB over the wire, everything together."""
    page = manager.page
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    urls: dict[str, str] = {}
    session.on(
        "Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]})
    )
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: int(event["encodedDataLength"])}),
    )
    page.goto(f"/day/{TODAY}", wait_until="networkidle")
    assert len(sizes) > 10
    assert all(url.startswith(manager.server.url) for url in urls.values())
    assert sum(sizes.values()) <= 80_000


def test_a_printed_day_is_a_clean_list(manager: Desk) -> None:
    page = manager.page
    page.goto(f"/day/{TODAY}")
    page.emulate_media(media="print", color_scheme="dark")
    for hidden in (".topbar", ".row-actions", ".chips", ".attn", ".side"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".print-only").first).to_contain_text("Marlow, printed by Daniel Osei")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert re.fullmatch(r"rgb\(255, 255, 255\)", background)
