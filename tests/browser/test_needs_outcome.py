"""The worklist of meetings without an outcome, in a real browser, by keys."""

from playwright.sync_api import expect

from tests.browser.conftest import Desk


def test_a_key_records_an_outcome_and_the_navigation_counts_down(desk: Desk) -> None:
    page = desk.page
    page.goto("/needs-outcome")
    rows, count = page.locator(".row"), page.locator("#nav-outcomes")
    before = rows.count()
    assert before
    own = int(count.inner_text().split()[0])
    row = page.locator(f"#appt-{desk.by('Jonas Weber')}")
    for _ in range(before):
        page.keyboard.press("j")
        if row.evaluate("element => element === document.activeElement"):
            break
    expect(row).to_be_focused()
    page.keyboard.press("c")
    expect(row.locator(".badge")).to_have_attribute("data-status", "completed")
    expect(row).to_be_focused()
    expect(page.locator("#announcer")).to_contain_text("Completed Jonas Weber")
    expect(count).to_have_text(f"{own - 1} without an outcome" if own > 1 else "")
