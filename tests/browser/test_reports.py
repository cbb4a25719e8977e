"""The report in a real browser: asked for by keys and links alone, read without colour, printed on paper."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Desk
from tests.factories import DAY, at_status
from webapp.vocabulary import NoShowParty, Status

WEEK = "from=2026-01-05&to=2026-01-11"


@pytest.fixture
def week(desk: Desk) -> Desk:
    """Last week Tomas lost nine of ten meetings to clients, Lena none of ten; at one, both were missing."""
    world = desk.world
    with desk.session() as session:
        for place in range(10):
            start = world.at("2026-01-06 08:00") + place * timedelta(hours=1)
            at_status(session, Status.COMPLETED, world, start=start)
            status = Status.NO_SHOW if place else Status.COMPLETED
            at_status(session, status, world, start=start + DAY, staff_user=world.staff2)
        both = world.at("2026-01-09 15:00")
        at_status(session, Status.NO_SHOW, world, start=both, party=NoShowParty.BOTH)
        session.commit()
    desk.as_user(world.manager)
    return desk


def test_the_office_manager_finds_who_why_and_which_from_the_pages_alone(week: Desk) -> None:
    page = week.page
    page.goto("/day")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("/reports$"))
    answer = page.locator(".answer")
    expect(answer).to_contain_text("Most meetings lost to clients who didn’t show: Tomas Novak, 9 of 10")
    expect(answer).to_contain_text("Higher than the others by more than chance: Tomas Novak.")
    page.locator("#by-staff").get_by_role("link", name="Client didn’t show").click()
    heads = page.locator("#by-staff tbody th a")
    expect(heads).to_have_text(["Tomas Novak", "Lena Fischer"])
    expect(page.locator("#by-staff th[aria-sort=descending]")).to_have_text("Client didn’t show ↓")
    answer.get_by_role("link", name="9").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Client didn’t show, staff was there")
    expect(page.locator(".data tbody tr")).to_have_count(9)
    page.locator(".data tbody th a").first.click()
    expect(page).to_have_url(re.compile(r"/appointments/\d+$"))
    page.go_back()
    page.get_by_role("link", name="Reports").last.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Reports")


def test_the_form_asks_for_another_period_and_keeps_what_is_wrong(week: Desk) -> None:
    page = week.page
    page.goto(f"/reports?{WEEK}")
    page.get_by_role("link", name="Custom…").click()
    page.get_by_label("From", exact=True).fill("2026-01-12")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".errors")).to_be_focused()
    expect(page.get_by_label("To", exact=True)).to_have_value("2026-01-11")
    page.get_by_label("To", exact=True).fill("2026-01-13")
    page.get_by_label("Staff").select_option("Tomas Novak")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".pagehead__sub")).to_contain_text("12 Jan 2026 to 13 Jan 2026")
    expect(page.locator(".pagehead__sub")).to_contain_text("Only staff Tomas Novak")


def test_a_bar_leads_to_its_rows_and_a_table_says_the_same(week: Desk) -> None:
    page = week.page
    page.goto(f"/reports?{WEEK}")
    chart = page.get_by_role("group", name="Outcomes by day")
    expect(chart).to_have_count(1)
    page.get_by_text("Show as a table").first.click()
    row = page.get_by_role("row").filter(has_text="Tue 6 Jan 2026")
    expect(row.get_by_role("cell")).to_have_text(["10", "0", "0", "0", "0", "10"])
    chart.locator("rect.bar-seg[data-status=no_show]").first.click()
    expect(page.locator(".data tbody tr")).to_have_count(9)


def test_paper_has_the_whole_report_and_says_whose_it_is(week: Desk) -> None:
    page = week.page
    page.goto(f"/reports?{WEEK}")
    page.emulate_media(media="print", color_scheme="dark")
    for gone in (".topbar", ".segmented", "#filters", ".pagehead__r"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.locator(".printed")).to_contain_text("Marlow. Printed by Daniel Osei, Tue 13 Jan 2026, 10:0")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".chart").first).to_be_visible()
