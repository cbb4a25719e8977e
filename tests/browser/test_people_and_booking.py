"""Clients and a new appointment in a browser: typing finds, days bring their times, nothing typed is lost."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import time_machine
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from tests.factories import NOW, World, make_world
from tests.support.axe import assert_no_violations
from tests.support.signed_in import sign_in_page
from tests.support.web import LiveServer
from webapp.lifecycle import clients
from webapp.lifecycle.clients import ContactFacts
from webapp.models import Appointment


@pytest.fixture(autouse=True)
def at_ten() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session) -> World:
    world = make_world(session)
    for number in range(12):
        clients.create_contact(
            session, actor=world.acting(), facts=ContactFacts(name=f"Jonas Weber{number}"), now=NOW
        )
    facts = ContactFacts(name="Zoë O’Neil", phone="020 7946 0132", timezone="America/New_York")
    clients.create_contact(session, actor=world.acting(), facts=facts, now=NOW)
    session.commit()
    return world


@pytest.fixture
def desk(page: Page, live_server: LiveServer, world: World) -> Page:
    # the browser's own clock is the real one: only the server's stands still
    return sign_in_page(page, live_server, world.manager)


PAGES = [
    "/contacts",
    "/contacts?q=nobody",
    "/contacts/1",
    "/contacts/new",
    "/accounts",
    "/accounts/1",
    "/accounts/1/edit",
    "/settings/types",
    "/settings/types/new",
    "/appointments/new?contact=1",
]


@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_are_accessible_and_never_scroll_sideways(desk: Page, width: int) -> None:
    desk.set_viewport_size({"width": width, "height": 900})
    for path in PAGES:
        desk.goto(path)
        expect(desk.locator("h1")).to_have_count(1)
        assert_no_violations(desk)
        assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        twice = desk.evaluate(
            "[...document.querySelectorAll('[id]')].map(e => e.id).filter((id, n, a) => a.indexOf(id) !== n)"
        )
        assert not twice, path


def test_a_booking_by_typing_and_choosing(desk: Page, session: Session) -> None:
    desk.goto("/appointments/new")
    desk.locator("#notes").fill("Brings the papers")
    desk.get_by_label("Contact", exact=True).press_sequentially("oneil")
    desk.get_by_role("radio", name="Zoë O’Neil").check()
    desk.get_by_label("Staff").select_option(label="Tomas Novak")
    expect(desk.locator("#slots legend")).to_have_text("Free times for Tomas Novak, Tue 13 Jan")
    expect(desk.locator("#slots")).to_contain_text("05:15")  # the client's clock
    desk.locator('input[name="day"][value="2026-01-15"]').check()
    expect(desk.locator("#slots legend")).to_have_text("Free times for Tomas Novak, Thu 15 Jan")
    expect(desk.locator('input[name="day"][value="2026-01-15"]')).to_be_focused()
    desk.locator('input[name="start"][value="2026-01-15T11:30Z"]').check()
    desk.get_by_role("button", name="Make appointment").click()
    expect(desk).to_have_url(re.compile(r"/day/2026-01-15#appt-\d+$"))
    expect(desk.locator("#toasts")).to_contain_text("Booked Zoë O’Neil, Thu 15 Jan, 11:30, Tomas Novak.")
    session.commit()
    (appointment,) = session.scalars(sa.select(Appointment))
    assert appointment.start_time == datetime(2026, 1, 15, 11, 30, tzinfo=UTC)
    assert appointment.notes == "Brings the papers"


def test_a_search_that_finds_many_keeps_the_chosen_one(desk: Page) -> None:
    desk.goto("/appointments/new?contact=1")
    desk.get_by_label("Contact", exact=True).press_sequentially("jonas")
    expect(desk.locator("#contact_id-options input")).to_have_count(11)
    expect(desk.get_by_text("Others match too. Type more to find them.")).to_be_visible()
    expect(desk.get_by_role("radio", name="Ada Byron")).to_be_checked()


def test_another_day_is_typed_without_losing_it(desk: Page) -> None:
    desk.goto("/appointments/new?contact=1")
    desk.get_by_label("Another day").fill("2026-02-17")
    expect(desk.locator("#slots legend")).to_contain_text("Tue 17 Feb")
    expect(desk.locator('input[name="day"]:checked')).to_have_value("2026-02-17")
    expect(desk.get_by_label("Another day")).to_have_value("")


def test_only_the_fields_that_count_are_shown(desk: Page) -> None:
    desk.goto("/appointments/new")
    name, account, until = desk.locator("#name"), desk.locator("#account_id"), desk.locator("#confirm_by")
    for field in (name, account, until):
        expect(field).to_be_hidden()
    desk.get_by_role("radio", name="Somebody new").check()
    expect(name).to_be_visible()
    expect(account).to_be_visible()
    expect(desk.locator("#contact_id")).to_be_hidden()
    desk.get_by_role("radio", name="An account, no contact").check()
    expect(name).to_be_hidden()
    desk.get_by_role("radio", name="Ask the client to confirm").check()
    expect(until).to_be_visible()


def test_errors_get_the_focus_and_lead_to_their_fields(desk: Page) -> None:
    desk.goto("/appointments/new")
    desk.get_by_role("button", name="Make appointment").click()
    expect(desk.locator(".errors")).to_be_focused()
    assert_no_violations(desk)
    desk.get_by_role("link", name="Choose who the meeting is with, or add somebody new.").click()
    expect(desk.get_by_label("Contact", exact=True)).to_be_focused()


def test_it_books_without_script(browser, live_server: LiveServer, world: World, session: Session) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    desk = sign_in_page(context.new_page(), live_server, world.staff)
    desk.goto("/appointments/new")
    desk.locator("#contact_id").fill("oneil 0132")
    desk.get_by_role("button", name="Find").first.click()
    desk.locator("label", has_text="Zoë O’Neil").click()
    desk.locator('input[name="other"]').fill("2026-02-17")
    desk.get_by_role("button", name="Show times").click()
    assert "Tue 17 Feb" in desk.locator("#slots legend").inner_text()
    desk.locator("label.slot").filter(has=desk.locator("b", has_text="09:45")).click()
    desk.get_by_role("button", name="Make appointment").click()
    assert "/day/2026-02-17" in desk.url
    context.close()
    session.commit()
    (appointment,) = session.scalars(sa.select(Appointment))
    assert appointment.end_time - appointment.start_time == timedelta(minutes=45)


def test_the_list_of_contacts_follows_typing(desk: Page) -> None:
    desk.goto("/contacts")
    desk.get_by_label("Find a contact").press_sequentially("0132")
    expect(desk.locator("#contacts tbody tr")).to_have_count(1)
    expect(desk).to_have_url(re.compile(r"/contacts\?q=0132$"))
    expect(desk.get_by_label("Find a contact")).to_be_focused()
