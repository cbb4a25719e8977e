"""The day board in a real browser: steps from rows, dialogs, conflicts, other people's changes, keys."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import TODAY, Desk
from webapp.lifecycle import appointments, details
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy


def row(desk: Desk, name: str):
    return desk.page.locator(f"#appt-{desk.by(name)}")


def test_completing_from_a_row_changes_the_row_the_counts_and_the_history(desk: Desk) -> None:
    page = desk.page
    page.goto("/")
    expect(page).to_have_url(re.compile(rf"/day/{TODAY}$"))
    expect(page.locator("#count-confirmed")).to_have_text("4")
    row(desk, "Jonas Weber").get_by_role("button", name="Complete").click()
    expect(row(desk, "Jonas Weber").locator(".badge")).to_have_attribute("data-status", "completed")
    expect(page.locator("#count-completed")).to_have_text("1")
    expect(page.locator("#count-confirmed")).to_have_text("3")
    expect(page.locator(".toast")).to_contain_text("Completed Jonas Weber, 08:00.")
    expect(page.locator("#announcer")).to_have_text("Completed Jonas Weber, 08:00.")
    expect(row(desk, "Jonas Weber")).to_be_focused()
    expect(page.locator("#changes .notice")).to_have_count(0)
    assert [step[:2] for step in desk.story(desk.by("Jonas Weber"))] == [
        ("book", "confirmed"),
        ("complete", "completed"),
    ]


def test_a_no_show_asks_who_and_tells_what_is_missing(desk: Desk) -> None:
    page = desk.page
    page.goto(f"/day/{TODAY}")
    row(desk, "Jonas Weber").get_by_role("link", name="No-show").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Note").fill("Called twice.")
    dialog.get_by_role("button", name="Record no-show").click()
    expect(dialog.locator(".errors")).to_be_focused()
    expect(dialog.locator(".errors")).to_contain_text("Select who didn’t show")
    expect(dialog.get_by_label("Note")).to_have_value("Called twice.")
    dialog.get_by_label("Both didn’t show").check()
    dialog.get_by_role("button", name="Record no-show").click()
    expect(dialog).to_be_hidden()
    expect(row(desk, "Jonas Weber").locator(".badge")).to_have_attribute("data-status", "no_show")
    expect(row(desk, "Jonas Weber")).to_contain_text("Both didn’t show")
    expect(row(desk, "Jonas Weber")).to_be_focused()
    assert desk.story(desk.by("Jonas Weber"))[-1] == (
        "mark_no_show",
        "no_show",
        "Both didn’t show. Called twice.",
    )


def test_a_row_that_somebody_else_changed_says_who_and_changes_nothing(desk: Desk) -> None:
    page, world = desk.page, desk.world
    page.goto(f"/day/{TODAY}")
    with desk.session() as session:
        appointments.cancel(
            session,
            session.get_one(Appointment, desk.by("Chloe Martin")),
            actor=world.acting(world.manager),
            reason="Client emergency",
            cancelled_by=CancelledBy.CLIENT,
            now=world.now,
        )
        session.commit()
    row(desk, "Chloe Martin").get_by_role("button", name="Complete").click()
    expect(page.locator("#conflict")).to_contain_text("Not saved: complete")
    expect(page.locator("#conflict")).to_contain_text("Daniel Osei cancelled it")
    expect(page.locator("#conflict")).to_contain_text("Client emergency")
    expect(row(desk, "Chloe Martin").locator(".badge")).to_have_attribute("data-status", "cancelled")
    assert [step[0] for step in desk.story(desk.by("Chloe Martin"))] == ["book", "cancel"]


def test_a_dialog_on_a_changed_appointment_closes_and_says_who_was_first(desk: Desk) -> None:
    page, world = desk.page, desk.world
    page.goto(f"/day/{TODAY}")
    row(desk, "Jonas Weber").get_by_role("link", name="No-show").click()
    page.get_by_label("Client didn’t show").check()
    with desk.session() as session:
        jonas = session.get_one(Appointment, desk.by("Jonas Weber"))
        appointments.complete(session, jonas, actor=world.acting(world.manager), now=world.now)
        session.commit()
    page.get_by_role("button", name="Record no-show").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#conflict")).to_contain_text("Daniel Osei completed it")
    expect(row(desk, "Jonas Weber").locator(".badge")).to_have_attribute("data-status", "completed")
    assert [step[0] for step in desk.story(desk.by("Jonas Weber"))] == ["book", "complete"]


def test_other_peoples_changes_appear_and_leave_an_open_form_alone(desk: Desk) -> None:
    page, world = desk.page, desk.world
    page.goto(f"/day/{TODAY}")
    row(desk, "Jonas Weber").get_by_role("link", name="No-show").click()
    page.get_by_label("Note").fill("Half written")
    with desk.session() as session:
        chloe = session.get_one(Appointment, desk.by("Chloe Martin"))
        appointments.complete(session, chloe, actor=world.acting(world.manager), now=world.now)
        session.commit()
    expect(page.locator("#changes")).to_contain_text(
        "Daniel Osei completed it: Chloe Martin, 09:30", timeout=9000
    )
    expect(page.locator("#count-completed")).to_have_text("1")
    expect(page.get_by_label("Note")).to_have_value("Half written")
    expect(row(desk, "Chloe Martin").locator(".badge")).to_have_attribute("data-status", "confirmed")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Show them").click()
    expect(row(desk, "Chloe Martin").locator(".badge")).to_have_attribute("data-status", "completed")
    expect(page.locator("#changes .notice")).to_have_count(0)


def test_a_look_for_news_is_a_conditional_request_that_swaps_nothing(desk: Desk) -> None:
    page = desk.page
    page.goto(f"/day/{TODAY}")
    with page.expect_response(lambda told: "/changes?" in told.url and told.status == 304, timeout=15000):
        pass
    expect(page.locator("#changes")).to_have_text("")
    expect(page.locator("#count-all")).not_to_have_text("0")


def test_filters_and_search_change_the_list_and_the_address(desk: Desk) -> None:
    page = desk.page
    page.goto(f"/day/{TODAY}")
    expect(page.locator(".row")).to_have_count(4)
    page.get_by_label("Client, phone or reference").or_(page.locator("#q")).fill("amar")
    expect(page.locator(".row")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=amar"))
    page.locator("#q").fill("")
    expect(page.locator(".row")).to_have_count(4)
    page.locator(".chip[data-status=cancelled] input").check()
    expect(page.locator("#board")).to_contain_text("No appointment on this day passes the filters")
    expect(page).to_have_url(re.compile(r"status=cancelled"))
    page.reload()
    expect(page.locator(".chip[data-status=cancelled] input")).to_be_checked()


def test_the_keys_walk_the_rows_and_take_steps(desk: Desk) -> None:
    page = desk.page
    page.goto(f"/day/{TODAY}")
    page.keyboard.press("j")
    expect(row(desk, "Jonas Weber")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("c")
    expect(row(desk, "Jonas Weber").locator(".badge")).to_have_attribute("data-status", "completed")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(row(desk, "Ivy Thompson")).to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("#announcer")).to_have_text("Complete and No-show open at 11:00, when it starts.")
    page.keyboard.press("r")
    expect(page.get_by_role("dialog")).to_contain_text("Reschedule Ivy Thompson")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_row_menu_is_fetched_when_it_is_opened(desk: Desk) -> None:
    page = desk.page
    page.goto(f"/day/{TODAY}")
    menu = row(desk, "Chloe Martin").locator("details.menu")
    menu.locator("summary").click()
    menu.get_by_role("link", name="Cancel appointment").click()
    expect(page.get_by_role("dialog")).to_contain_text("Who cancels?")


def test_another_persons_edit_of_the_details_is_news_too(desk: Desk) -> None:
    page, world = desk.page, desk.world
    contact_id = desk.get(desk.by("Ivy Thompson")).contact_id
    page.goto(f"/day/{TODAY}")
    with desk.session() as session:
        details.edit(
            session,
            session.get_one(Appointment, desk.by("Ivy Thompson")),
            actor=world.acting(world.manager),
            location="Room 9",
            notes="",
            contact_id=contact_id,
            now=world.now,
            expected_version=1,
        )
        session.commit()
    expect(page.locator("#changes")).to_contain_text(
        "Daniel Osei changed its details: Ivy Thompson, 11:00", timeout=9000
    )
