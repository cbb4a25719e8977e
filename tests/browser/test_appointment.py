"""The appointment page in a real browser: moving twice, the chain, a wrong outcome corrected, no script."""

from datetime import timedelta

import time_machine
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import TODAY, Desk
from tests.factories import NOW
from tests.support.signed_in import sign_in_page
from webapp.lifecycle import appointments, details
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy


def move(page: Page, day: str, clock: str, reason: str) -> None:
    page.get_by_role("link", name="Reschedule…").click()
    dialog = page.get_by_role("dialog")
    dialog.locator(f"input[name=day][value='{day}']").check(force=True)
    expect(dialog.locator("#slots legend")).to_contain_text(str(int(day[-2:])))
    dialog.locator(".slot", has_text=clock).first.click()
    expect(dialog.locator("[data-sum-new]")).to_contain_text(clock)
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name="Reschedule").click()
    expect(page.locator(".toast")).to_contain_text("Rescheduled")


def test_moving_twice_makes_a_chain_that_reads_both_ways(desk: Desk) -> None:
    page, first = desk.page, desk.by("Amara Okafor")
    page.goto(f"/appointments/{first}")
    move(page, "2026-01-14", "09:00", "Adviser away")
    expect(page.locator(".dhead__badges")).to_contain_text("Rescheduled from Tue 13 Jan, 14:00")
    move(page, "2026-01-15", "10:30", "Client asked")
    links = page.locator(".chain__i")
    expect(links).to_have_count(3)
    expect(links.nth(0)).to_contain_text("Tue 13 Jan, 14:00")
    expect(links.nth(2)).to_have_attribute("aria-current", "step")
    history = page.locator("#history")
    expect(history.locator(".event")).to_have_count(5)
    expect(history.locator(".event").first).to_contain_text("rescheduled from Wed 14 Jan, 09:00")
    expect(history.locator(".event").first).to_contain_text("Reason: Client asked")
    links.nth(0).get_by_role("link").click()
    expect(page.locator(".dhead__badges")).to_contain_text("Rescheduled to Wed 14 Jan, 09:00")
    page.get_by_role("link", name="Open the new booking").click()
    expect(page.locator("h1")).to_have_text("Amara Okafor")
    assert desk.story(first) == [
        ("book", "confirmed", None),
        ("reschedule", "rescheduled", "Adviser away"),
    ]
    last = int(page.url.rsplit("/", 1)[1])
    moved = desk.get(last + 1)
    assert (moved.rescheduled_from_id, moved.chain_root_id, moved.chain_position) == (last, first, 3)
    assert desk.story(last + 1) == [("reschedule", "confirmed", "Client asked")]


def test_a_slot_that_is_taken_meanwhile_is_marked_and_the_reason_kept(desk: Desk) -> None:
    page, world = desk.page, desk.world
    page.goto(f"/appointments/{desk.by('Amara Okafor')}/rescheduling")
    page.locator("input[name=day][value='2026-01-14']").check(force=True)
    expect(page.locator("#slots legend")).to_contain_text("14 Jan")
    page.locator(".slot", has_text="12:00").first.click()
    page.get_by_label("Reason").fill("Client asked")
    with desk.session() as session:
        ivy = session.get_one(Appointment, desk.by("Ivy Thompson"))
        slot = appointments.NewSlot(
            start_time=world.at("2026-01-14 12:00"), end_time=world.at("2026-01-14 12:45")
        )
        appointments.reschedule(session, ivy, actor=world.acting(), slot=slot, reason="", now=NOW)
        session.commit()
    page.get_by_role("button", name="Reschedule").click()
    expect(page.locator(".errors")).to_contain_text(
        "Lena Fischer has another appointment at Wed 14 Jan, 12:00"
    )
    expect(page.locator(".errors")).not_to_contain_text("Ivy")
    expect(page.locator(".slot--gone")).to_contain_text("12:00")
    expect(page.get_by_label("Reason")).to_have_value("Client asked")
    assert len(desk.story(desk.by("Amara Okafor"))) == 1


def test_a_wrong_outcome_is_corrected_by_a_manager_and_both_stay_readable(desk: Desk) -> None:
    page, jonas = desk.page, desk.by("Jonas Weber")
    page.goto(f"/appointments/{jonas}/no-show")
    page.get_by_label("Both didn’t show").check()
    page.get_by_role("button", name="Record no-show").click()
    expect(page.locator(".dhead__badges")).to_contain_text("Both didn’t show")
    expect(page.get_by_role("link", name="Correct outcome")).to_have_count(0)
    desk.page.context.clear_cookies()
    desk.as_user(desk.world.manager)
    page.goto(f"/appointments/{jonas}")
    page.get_by_role("link", name="Correct outcome").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("It took place").check()
    dialog.get_by_role("button", name="Correct outcome").click()
    expect(dialog.locator(".errors")).to_contain_text("Give a reason for the correction")
    dialog.get_by_label("Reason").fill("They met in room 3")
    dialog.get_by_role("button", name="Correct outcome").click()
    expect(page.locator(".badge--lg")).to_have_attribute("data-status", "completed")
    expect(page.locator("#history .event")).to_have_count(3)
    expect(page.locator("#history .event").first).to_contain_text("was No-show")
    assert [step[:2] for step in desk.story(jonas)] == [
        ("book", "confirmed"),
        ("mark_no_show", "no_show"),
        ("correct", "completed"),
    ]
    found = desk.get(jonas)
    assert (found.no_show_at, found.no_show_party, found.completed_at) == (None, None, found.end_time)


def test_a_conflict_from_the_page_shows_the_present_state_and_what_was_not_saved(desk: Desk) -> None:
    page, world, amara = desk.page, desk.world, desk.by("Amara Okafor")
    page.goto(f"/appointments/{amara}")
    page.get_by_role("link", name="Reschedule…").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[name=day][value='2026-01-14']").check(force=True)
    dialog.locator(".slot", has_text="09:00").first.click()
    with desk.session() as session:
        appointments.cancel(
            session,
            session.get_one(Appointment, amara),
            actor=world.acting(world.manager),
            reason="Client emergency",
            cancelled_by=CancelledBy.CLIENT,
            now=NOW + timedelta(minutes=1),
        )
        session.commit()
    dialog.get_by_role("button", name="Reschedule").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#conflict")).to_be_focused()
    expect(page.locator("#conflict")).to_contain_text("Daniel Osei cancelled it, Tue 13 Jan, 10:01.")
    expect(page.locator("#conflict")).to_contain_text("reschedule to Wed 14 Jan, 09:00")
    expect(page.locator(".badge--lg")).to_have_attribute("data-status", "cancelled")
    assert [step[0] for step in desk.story(amara)] == ["book", "cancel"]


def test_a_dialog_that_somebody_overtook_comes_back_with_everything_typed(desk: Desk) -> None:
    page, world, amara = desk.page, desk.world, desk.by("Amara Okafor")
    contact_id = desk.get(amara).contact_id
    page.goto(f"/appointments/{amara}")
    page.get_by_role("link", name="Cancel appointment…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The client").check()
    dialog.get_by_label("Reason").fill("Amara is ill")
    with desk.session() as session:
        details.edit(
            session,
            session.get_one(Appointment, amara),
            actor=world.acting(world.manager),
            location="Room 9",
            notes="",
            contact_id=contact_id,
            now=NOW + timedelta(minutes=1),
            expected_version=1,
        )
        session.commit()
    dialog.get_by_role("button", name="Cancel appointment").click()
    expect(dialog.locator(".errors")).to_contain_text("Not saved: Daniel Osei changed the details (location)")
    expect(dialog.get_by_label("Reason")).to_have_value("Amara is ill")
    expect(dialog.get_by_label("The client")).to_be_checked()
    dialog.get_by_role("button", name="Cancel appointment").click()
    expect(page.locator(".badge--lg")).to_have_attribute("data-status", "cancelled")
    assert [step[0] for step in desk.story(amara)] == ["book", "cancel"]


def test_details_are_edited_without_touching_the_lifecycle(desk: Desk) -> None:
    page, amara = desk.page, desk.by("Amara Okafor")
    page.goto(f"/appointments/{amara}")
    page.get_by_role("link", name="Edit details…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Place").fill("Room 7")
    dialog.get_by_label("Note", exact=True).fill("Bring the deed.")
    dialog.get_by_label("Contact", exact=True).fill("Byron")
    expect(dialog.get_by_label("Place")).to_have_value("Room 7")
    dialog.get_by_label("Ada Byron").check()
    dialog.get_by_role("button", name="Save details").click()
    expect(page.locator("h1")).to_have_text("Ada Byron")
    expect(page.locator("#history")).to_contain_text("Place: Room 2 → Room 7")
    expect(page.locator("#history")).to_contain_text("Client: Amara Okafor → Ada Byron")
    assert len(desk.story(amara)) == 1
    assert desk.get(amara).version == 2


def test_everything_works_without_script(desk: Desk, browser: Browser) -> None:
    context = browser.new_context(base_url=desk.server.url, java_script_enabled=False)
    page = sign_in_page(context.new_page(), desk.server, desk.world.staff)
    page.goto(f"/day/{TODAY}")
    page.locator(f"#appt-{desk.by('Jonas Weber')}").get_by_role("button", name="Complete").click()
    expect(page.locator(".badge--lg")).to_have_attribute("data-status", "completed")
    expect(page.locator(".toast")).to_contain_text("Completed Jonas Weber")
    page.go_back()
    page.locator(f"#appt-{desk.by('Chloe Martin')}").get_by_role("link", name="No-show").click()
    page.get_by_role("button", name="Record no-show").click()
    expect(page).to_have_title("Error: Record a no-show · Marlow")
    page.get_by_label("Client didn’t show").check()
    page.get_by_role("button", name="Record no-show").click()
    expect(page.locator(".badge--lg")).to_have_attribute("data-status", "no_show")
    page.goto(f"/appointments/{desk.by('Ivy Thompson')}")
    page.get_by_role("link", name="Reschedule…").click()
    page.locator("input[name=day][value='2026-01-14']").check(force=True)
    page.get_by_role("button", name="Show times").click()
    page.locator(".slot", has_text="11:15").first.click()
    page.get_by_role("button", name="Reschedule").click()
    expect(page.locator(".chain__i")).to_have_count(2)
    page.get_by_role("link", name="Cancel appointment…").click()
    page.get_by_label("The client").check()
    page.get_by_label("Reason").fill("Ivy is ill")
    page.get_by_role("button", name="Cancel appointment").click()
    expect(page.locator(".badge--lg")).to_have_attribute("data-status", "cancelled")
    context.close()
    assert desk.story(desk.by("Ivy Thompson"))[-1][:2] == ("reschedule", "rescheduled")


def test_a_request_is_approved_from_its_page(desk: Desk) -> None:
    page, request = desk.page, desk.by("Ada Byron")
    with time_machine.travel(NOW + timedelta(hours=1), tick=True):
        page.goto(f"/appointments/{request}")
        page.get_by_role("button", name="Approve").click()
        expect(page.locator(".badge--lg")).to_have_attribute("data-status", "confirmed")
    assert [step[:2] for step in desk.story(request)] == [("request", "requested"), ("approve", "confirmed")]
