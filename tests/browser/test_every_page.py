"""Every page, as a manager sees it: accessible, no sideways scrolling, nothing refused, printable."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.browser.conftest import TODAY, Desk
from tests.factories import DAY, at_status, make_world
from tests.support.axe import assert_no_violations
from tests.support.webhooks import URL, make_attempt, make_delivery, make_endpoint
from webapp.lifecycle import attendance, passwords
from webapp.models import Appointment, StaffUser
from webapp.vocabulary import AttendanceSide, AttendanceSource, DeliveryState, Disabled, Status

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
    "/appointments/{confirmed}/mail",
    "/appointments/{ended}/no-show",
    "/appointments/{ended}/completion",
    "/appointments/{requested}",
    "/appointments/{requested}/decline",
    "/appointments/{requested}/approval",
    "/appointments/{ended}/approval",
    "/appointments/{awaiting}/confirmation",
    "/appointments/{completed}",
    "/appointments/{completed}/correction",
    "/appointments/{no_show}",
    "/appointments/{no_show}/correction",
    "/activity",
    "/activity?action=decline",
    "/activity?from=2026-02-30",
    "/appointments/{confirmed}/timeline",
    f"/day/{TODAY}?as_of={TODAY}T09:00",
    f"/week/{TODAY}?as_of=2026-01-12T09:00",
    f"/day/{TODAY}?as_of=soon",
    "/requests",
    "/needs-outcome",
    "/reports",
    "/reports?from=2026-01-01&to=2026-01-31",
    "/reports?from=2026-01-01&to=2026-01-31&as_of=2026-01-10T10:00",
    "/reports?from=2026-02-01&to=2026-01-01&as_of=noon",
    "/reports/appointments?from=2026-01-01&to=2026-01-31",
    "/reports/appointments?from=2026-01-01&to=2026-01-31&figure=cancelled",
    f"/reports/day-sheet?date={TODAY}",
    f"/reports/day-sheet?date={TODAY}&pages=one",
    "/reports/day-sheet?date=soon",
    f"/reports/week?date={TODAY}",
    "/reports/month?date=2026-01",
    "/reports/no-shows?date=2026-01",
    "/appointments/{no_show}/dossier",
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
    "/settings/webhooks",
    "/settings/webhooks/new",
    "/settings/webhooks/{endpoint}",
    "/settings/webhooks/{endpoint}?state=waiting",
    "/settings/webhooks/{endpoint}/edit",
    "/settings/webhooks/{endpoint}/removal",
    "/settings/webhooks/{endpoint}/replay?from=2026-01-01T00:00&to=2026-01-31T00:00",
    "/settings/webhooks/{endpoint}/replay?from=soon&to=later",
    "/settings/webhooks/{endpoint}/deliveries/{delivery}",
    "/settings/webhooks/{stopped}",
    "/settings/mail",
    "/settings/mail/reminder",
    "/outbox",
    "/held-back",
    "/polls",
    "/polls/new",
    "/settings/tokens",
    "/settings/record",
    "/settings/tokens/new",
    "/api/v1/",
    "/settings/types",
    "/settings/types/new",
    "/team",
    "/team/new",
    "/team/{lena}",
    "/team/{lena}/sessions/end",
    "/settings/mail/webhook_off",
    "/preferences",
    "/preferences/calendars",
    "/preferences/calendars/new",
    "/shortcuts",
    "/components",
    "/nowhere",
]
REFUSED = {
    "/appointments/{ended}/approval": 409,
    "/nowhere": 404,
    "/activity?from=2026-02-30": 422,
    f"/day/{TODAY}?as_of=soon": 422,
    "/settings/webhooks/{endpoint}/replay?from=soon&to=later": 422,
    "/reports?from=2026-02-01&to=2026-01-01&as_of=noon": 422,
    "/reports/day-sheet?date=soon": 422,
}
PASSWORD = "three words here"
SETTLED = """async () => {
  await new Promise(requestAnimationFrame);  // colours have begun to change by then
  await new Promise(requestAnimationFrame);
  await Promise.allSettled(document.getAnimations().map(animation => animation.finished));
}"""
LOOKS = [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
BETWEEN = [1280, 1024, 768]


@pytest.fixture
def manager(desk: Desk) -> Desk:
    """The manager is signed in; three more appointments of Ada's stand where the desk's do not."""
    with desk.session() as session:
        for status, days in ((Status.AWAITING_CONFIRMATION, 2), (Status.COMPLETED, -4), (Status.NO_SHOW, -5)):
            made = at_status(session, status, desk.world, start=desk.world.now + days * DAY)
            desk.made[status.value] = made.appointment_id
        ended = session.get_one(Appointment, desk.by("Jonas Weber"))  # under Needs outcome, with evidence
        attendance.record(
            session,
            ended,
            actor=desk.world.system,
            side=AttendanceSide.CLIENT,
            source=AttendanceSource.PROVIDER,
            joined_at=ended.start_time,
            now=ended.start_time,
        )
        session.commit()
        webhooks_of(session, desk)
    desk.page.context.clear_cookies()
    desk.as_user(desk.world.manager)
    return desk


def webhooks_of(session: Session, desk: Desk) -> None:
    """An endpoint whose receiver answered a test event at great length, and one that stopped."""
    long = make_endpoint(session, desk.world, url=f"{URL}?{'y' * 300}", description="C" * 120)
    answered = make_delivery(session, long, desk.world, DeliveryState.FAILED)
    make_attempt(session, answered, desk.world)
    make_attempt(session, answered, desk.world, status=None, error="x" * 300)
    stopped = make_endpoint(session, desk.world, event_types=["appointment.cancelled"])
    stopped.disabled, stopped.disabled_at = Disabled.FAILING, desk.world.now
    session.commit()
    desk.made["endpoint"], desk.made["stopped"] = long.webhook_endpoint_id, stopped.webhook_endpoint_id
    desk.made["delivery"] = answered.webhook_delivery_id


def address(desk: Desk, path: str) -> str:
    return path.format(
        confirmed=desk.by("Amara Okafor"),
        ended=desk.by("Jonas Weber"),
        requested=desk.by("Ada Byron"),
        awaiting=desk.by("awaiting_confirmation"),
        completed=desk.by("completed"),
        no_show=desk.by("no_show"),
        lena=desk.world.staff.staff_user_id,
        endpoint=desk.by("endpoint"),
        delivery=desk.by("delivery"),
        stopped=desk.by("stopped"),
    )


def look(page: Page, width: int, scheme: str) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.evaluate(SETTLED)


def assert_sound(page: Page) -> None:
    """The page as it stands has a title and one heading, both with words, and is right in every look."""
    expect(page.locator("h1")).to_have_count(1)
    assert page.locator("h1").inner_text().strip()
    assert page.title().rpartition(" · ")[0].strip()
    for width, scheme in LOOKS:
        look(page, width, scheme)
        assert_no_violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    for width in BETWEEN:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def submit(page: Page, form: str, action: str = "") -> None:
    """Send a form as it stands, past the browser's own checks and without htmx."""
    with page.expect_navigation():
        page.locator(form).evaluate(
            """(form, action) => {
              if (action) form.action = action;
              HTMLFormElement.prototype.submit.call(form);
            }""",
            action,
        )


@pytest.mark.parametrize("path", PAGES)
def test_the_page_has_no_accessibility_violation_and_does_not_scroll_sideways(
    manager: Desk, path: str
) -> None:
    answer = manager.page.goto(address(manager, path))
    assert answer is not None
    assert answer.status == REFUSED.get(path, 200)
    assert_sound(manager.page)


def test_the_page_of_a_form_that_is_refused_is_as_sound(manager: Desk) -> None:
    page = manager.page
    page.goto("/contacts/new")
    submit(page, "main form")
    assert page.title().startswith("Error: ")
    assert_sound(page)


def test_the_page_with_the_secret_of_the_callback_is_as_sound(manager: Desk) -> None:
    page = manager.page
    page.goto("/settings/attendance")
    submit(page, "form[action='/settings/attendance/secret']")
    expect(page.locator("#secret")).to_have_value(re.compile("^whsec_"))
    assert_sound(page)


def test_the_page_with_the_secret_of_an_endpoint_is_as_sound(manager: Desk) -> None:
    page = manager.page
    path = address(manager, "/settings/webhooks/{endpoint}")
    page.goto(path)
    submit(page, f"form[action='{path}/secret']")
    expect(page.locator("#secret")).to_have_value(re.compile("^whsec_"))
    assert_sound(page)


def test_the_page_with_the_text_of_a_token_is_as_sound(manager: Desk) -> None:
    page = manager.page
    page.goto("/settings/tokens/new")
    page.get_by_label("Name").fill("Website")
    page.get_by_label("Acts for").select_option("Lena Fischer, staff")
    page.get_by_label("Read the figures of reports").check()
    submit(page, "main form")
    expect(page.locator("#token")).to_have_value(re.compile("^daybook_"))
    assert_sound(page)
    page.goto("/settings/tokens")
    expect(page.get_by_role("rowheader", name="Website")).to_be_visible()
    assert_sound(page)


def test_the_page_for_programmers_with_its_operations_open_is_as_sound(manager: Desk) -> None:
    page = manager.page
    page.goto("/api/v1/")
    page.evaluate("for (const each of document.querySelectorAll('details.op')) each.open = true")
    assert_sound(page)


def test_the_page_that_asks_for_the_facts_of_several_is_as_sound(manager: Desk) -> None:
    page = manager.page
    for name in ("no-show", "cancellation"):
        page.goto(f"/day/{TODAY}")
        page.locator("input[name=ref]").first.check()
        submit(page, "#bulk", f"/bulk/{name}/facts")
        assert page.url.endswith(f"/bulk/{name}/facts")
        assert_sound(page)


def test_the_pages_for_signing_in_are_as_sound(manager: Desk) -> None:
    page, email = manager.page, manager.world.manager.email
    with manager.session() as session:
        twin = make_world(session, "hartmann").manager
        for user in (twin, session.get_one(StaffUser, manager.world.manager.staff_user_id)):
            user.email, user.password_hash = email, passwords.make_hash(PASSWORD)
        session.commit()
    page.context.clear_cookies()
    page.goto("/sign-in")
    assert_sound(page)
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill("not the words")
    submit(page, "main form")
    assert page.title().startswith("Error: ")
    assert_sound(page)
    page.get_by_label("Password").fill(PASSWORD)
    submit(page, "main form")
    assert page.url.endswith("/sign-in/firm")
    assert_sound(page)


DIALOGS: list[tuple[Callable[[Desk], int], list[str]]] = [
    (lambda desk: desk.by("Amara Okafor"), ["Reschedule…", "Cancel appointment…", "Edit details…"]),
    (lambda desk: desk.by("Jonas Weber"), ["No-show…"]),
    (lambda desk: desk.by("Ada Byron"), ["Decline…"]),
    (lambda desk: desk.by("completed"), ["Correct outcome…"]),
]


@pytest.mark.parametrize(("appointment", "names"), DIALOGS, ids=[names[0] for _, names in DIALOGS])
def test_the_dialogs_have_no_accessibility_violation(
    manager: Desk, appointment: Callable[[Desk], int], names: list[str]
) -> None:
    page = manager.page
    page.goto(f"/appointments/{appointment(manager)}")
    for name in names:
        look(page, *LOOKS[0])
        page.get_by_role("link", name=name).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        for width, scheme in LOOKS:
            look(page, width, scheme)
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
    outside = [url for url in urls.values() if not url.startswith((manager.server.url, "data:"))]
    assert not outside  # the browser's own icon of a date field is a data: address
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
