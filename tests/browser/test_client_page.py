"""A client's own page in a browser: two widths, light and dark, and a move with script."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Desk
from tests.factories import at_status
from tests.support.axe import assert_no_violations
from tests.support.engines import SECRET_KEY
from webapp.lifecycle import client_requests, links
from webapp.models import Appointment
from webapp.vocabulary import Status

SHOTS = os.environ.get("DAYBOOK_SHOTS")


@pytest.fixture
def link(desk: Desk) -> str:
    """The address of Amara's page; her meeting is today at two."""
    with desk.session() as session:
        appointment = session.get_one(Appointment, desk.by("Amara Okafor"))
        token, _until = client_requests.link_for(
            session, appointment, secret=SECRET_KEY, actor=desk.world.acting(), now=desk.world.now
        )
        session.commit()
    desk.page.context.clear_cookies()
    return f"/c/{token}"


def looked_at(page: Page, name: str) -> None:
    """Accessible, and as wide as the window; kept as a picture where somebody asks for it."""
    assert_no_violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_it_is_accessible_and_fits(desk: Desk, link: str, width: int, scheme: str) -> None:
    page = desk.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for step in ("", "/rescheduling", "/cancellation", "x"):
        page.goto(f"{link}{step}")
        looked_at(page, f"client{step.replace('/', '-')}-{width}-{scheme}")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_of_it_is_accessible_and_fits(desk: Desk, width: int, scheme: str) -> None:
    page, world = desk.page, desk.world
    page.context.clear_cookies()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for name, token in states(desk).items():
        page.goto(f"/c/{token}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(world.firm.name)
        looked_at(page, f"client-{name}-{width}-{scheme}")


def states(desk: Desk) -> dict[str, str]:
    """A link to an appointment in each state that a client may find, by a name for it."""
    world, found = desk.world, {}
    far = iter(range(200, 300, 3))
    with desk.session() as session:

        def add(name: str, status: Status, start: datetime | None = None) -> Appointment:
            begins = start or world.now + timedelta(days=next(far))
            made = at_status(session, status, world, start=begins)
            found[name] = links.issue(
                session,
                secret=SECRET_KEY,
                firm_id=made.firm_id,
                appointment_id=made.appointment_id,
                contact_id=made.contact_id,
                expires_at=max(made.end_time, world.now) + timedelta(days=30),
                now=made.created_at,
            )
            return made

        for status in (Status.REQUESTED, Status.AWAITING_CONFIRMATION, Status.CONFIRMED, Status.CANCELLED):
            add(status.value, status)
        add("moved", Status.RESCHEDULED)
        add("over", Status.COMPLETED, world.now - timedelta(days=2))
        strict = add("bound", Status.CONFIRMED, world.now + timedelta(days=40)).appointment_type
        strict.cancel_notice = strict.reschedule_notice = 60 * 24 * 90
        session.commit()
    return found


def test_the_client_chooses_another_day_and_moves(desk: Desk, link: str) -> None:
    page = desk.page
    page.goto(link)
    page.get_by_role("link", name="Move to another time").click()
    page.get_by_role("radio", name="Thu 15").check(force=True)
    expect(page.locator("#slots legend")).to_contain_text("Thu 15 Jan")
    page.locator("#slots label", has_text="11:30").click()
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("Moved to Thu 15 Jan, 11:30")).to_be_visible()
    assert desk.get(desk.by("Amara Okafor")).status is Status.RESCHEDULED


def test_staff_copy_the_link_from_a_dialog(desk: Desk) -> None:
    page = desk.page
    page.goto(f"/appointments/{desk.by('Amara Okafor')}")
    page.get_by_role("button", name="Make link").click()
    shown = page.get_by_label("Client link")
    expect(shown).to_be_visible()
    assert "/c/" in shown.input_value()
    looked_at(page, "staff-link")
    page.get_by_role("link", name="Back to the appointment").click()
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("no longer works")).to_be_visible()
    looked_at(page, "staff-facts")
