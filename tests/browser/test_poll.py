"""A poll from the first proposal to the confirmed meeting, with three invitees in three zones."""

import os
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Desk
from tests.support.axe import assert_no_violations
from tests.support.engines import SECRET_KEY
from tests.support.polls import HOUR, cast, make_poll, people, slot_ids
from webapp.lifecycle.polls import answering, holding
from webapp.models import Appointment, Poll
from webapp.queries import invariants
from webapp.vocabulary import Answer, PollStatus, Status, Vote

PEOPLE = (
    ("Clara Wren", "clara@wren.example", "Europe/Berlin"),
    ("Piet Wren", "piet@wren.example", "America/New_York"),
    ("Yusuf Amin", "yusuf@wren.example", "Asia/Tokyo"),
)

SHOTS = os.environ.get("DAYBOOK_SHOTS")
SIZES = pytest.mark.parametrize(
    ("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")]
)
TIMES = (("2026-01-19", "16:30"), ("2026-01-20", "09:00"), ("2026-01-21", "10:00"))


@pytest.fixture
def outside(desk: Desk) -> BrowserContext:
    """The browser of somebody who has no account."""
    browser = desk.page.context.browser
    assert browser is not None
    return browser.new_context(base_url=desk.server.url, reduced_motion="reduce")


def propose(page: Page) -> str:
    """Fill the new poll's form; returns the address of its page."""
    page.goto("/polls")
    page.get_by_role("link", name="New poll").first.click()
    assert_no_violations(page)
    page.get_by_label("What is it about?").fill("Wren Trust, annual review")
    page.get_by_label("Minutes").fill("60")
    for number, (day, clock) in enumerate(
        (("2026-01-19", "16:30"), ("2026-01-20", "09:00"), ("2026-01-21", "10:00"))
    ):
        page.locator(f"#slots-{number}-day").fill(day)
        page.locator(f"#slots-{number}-time").fill(clock)
    for number, (name, email, zone) in enumerate(PEOPLE):
        page.locator(f"#invitees-{number}-name").fill(name)
        page.locator(f"#invitees-{number}-email").fill(email)
        page.locator(f"#invitees-{number}-timezone").fill(zone)
    page.get_by_role("button", name="Send poll").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wren Trust, annual review")
    return page.url


def links(page: Page) -> list[str]:
    """The invitees' addresses, as paths, read in the dialog."""
    page.get_by_role("button", name="Personal links…").click()
    fields = page.locator("#dialog .polllinks input[readonly]")
    expect(fields).to_have_count(3)
    assert_no_violations(page)
    found = [re.sub(r"^https?://[^/]+", "", fields.nth(number).input_value()) for number in range(3)]
    page.get_by_role("button", name="Close").last.click()
    return found


def vote(outside: BrowserContext, door: str, clock: str, chosen: tuple[str, str, str]) -> None:
    page = outside.new_page()
    page.goto(door)
    expect(page.get_by_text(clock)).to_be_visible()
    assert_no_violations(page)
    for number, word in enumerate(chosen):
        page.locator("fieldset.invitee__slot").nth(number).get_by_label(word, exact=True).check()
    page.get_by_role("button", name="Save reply").click()
    expect(page.get_by_text("your reply is saved")).to_be_visible()
    page.close()


def answer(outside: BrowserContext, door: str, word: str) -> None:
    page = outside.new_page()
    page.goto(door)
    assert_no_violations(page)
    page.get_by_role("button", name=word).click()
    expect(page.get_by_text("Thank you")).to_be_visible()
    page.close()


def test_a_poll_is_played_to_the_confirmed_meeting(desk: Desk, outside: BrowserContext) -> None:
    page = desk.page
    propose(page)
    doors = links(page)
    vote(outside, doors[0], "17:30–18:30", ("Yes", "No", "Yes"))
    # The page shows it by itself, without anything moving under a hand.
    expect(page.get_by_text("1 of 3 invitees replied")).to_be_visible(timeout=15_000)
    vote(outside, doors[1], "11:30–12:30", ("Yes", "Yes", "If need be"))
    vote(outside, doors[2], "01:30–02:30", ("Yes", "No", "Yes"))
    page.reload()
    expect(page.locator("#poll-sum td").first).to_contain_text("Best")
    assert_no_violations(page)
    page.get_by_role("link", name=re.compile("Hold….*Wed 21 Jan")).click()
    assert_no_violations(page)
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".badge--lg")).to_have_text("Awaiting confirmation")

    answer(outside, doors[0], "Decline")
    expect(page.get_by_text("Clara Wren declined the held time")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name=re.compile("Hold instead….*Mon 19 Jan")).click()
    page.get_by_role("button", name="Hold instead", exact=True).click()
    expect(page.locator("th.is-held")).to_contain_text("Mon 19 Jan")
    expect(page.locator("td.is-held", has_text="No answer")).to_have_count(3)
    assert_no_violations(page)

    for door in doors:
        answer(outside, door, "Accept")
    page.reload()
    expect(page.locator(".badge--lg")).to_have_text("Confirmed")
    with desk.session() as session:
        rows = session.execute(
            sa.select(Appointment.appointment_id, Appointment.status, Appointment.status_reason)
            .order_by(Appointment.appointment_id.desc())
            .limit(2)
        ).all()
        assert [row.status for row in rows] == [Status.CONFIRMED, Status.CANCELLED]
        assert rows[1].status_reason == "Another time was chosen: Mon 19 Jan 2026, 16:30"
        assert list(invariants.check(session)) == []
    assert [action for action, _to, _why in desk.story(rows[0].appointment_id)] == ["propose", "confirm"]
    last = outside.new_page()
    last.goto(doors[2])
    expect(last.get_by_text("The meeting is on Tue 20 Jan 2026, 01:30–02:30 (Tokyo).")).to_be_visible()
    assert_no_violations(last)


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_a_wide_grid_scrolls_inside_its_panel(desk: Desk, width: int) -> None:
    page = desk.page
    with desk.session() as session:
        poll = make_poll(session, desk.world, slots=20)
        for invitee in people(session, poll)[:2]:
            cast(session, poll, invitee, [Vote.YES, Vote.NO, Vote.IF_NEED_BE] * 6, desk.world.now + HOUR)
        session.commit()
    page.set_viewport_size({"width": width, "height": 900})
    for path in (f"/polls/{poll.poll_id}", "/polls", "/polls/new", f"/polls/{poll.poll_id}/edit"):
        page.goto(path)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(overflow) <= 0, path
    page.goto(f"/polls/{poll.poll_id}")
    first = page.get_by_role("rowheader", name="Clara Wren")
    before = first.bounding_box()
    page.locator(".scroll").evaluate("element => { element.scrollLeft = 600; }")
    after = first.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["x"] - after["x"]) <= 1


def test_a_poll_is_proposed_and_held_without_script(desk: Desk) -> None:
    browser = desk.page.context.browser
    assert browser is not None
    bare = browser.new_context(
        base_url=desk.server.url, java_script_enabled=False, storage_state=desk.page.context.storage_state()
    )
    page = bare.new_page()
    page.goto("/polls/new")
    page.get_by_role("button", name="Add rows for times").click()
    expect(page.locator("#slots-7-day")).to_be_visible()
    page.get_by_label("What is it about?").fill("Bare")
    page.locator("#slots-0-day").fill("2026-01-19")
    page.locator("#slots-0-time").fill("16:30")
    page.locator("#invitees-0-name").fill("Clara Wren")
    page.locator("#invitees-0-email").fill("clara@wren.example")
    page.get_by_role("button", name="Send poll").last.click()
    page.get_by_role("link", name=re.compile("Hold…")).click()
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".badge--lg")).to_have_text("Awaiting confirmation")
    bare.close()


def looked_at(page: Page, name: str) -> None:
    """Accessible, and as wide as the window; kept as a picture where somebody asks for it."""
    assert_no_violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def made(desk: Desk, *, held: bool) -> tuple[str, list[str]]:
    """A poll's page and its invitees' doors. Clara has voted, with a comment; a held time she declined."""
    world = desk.world
    with desk.session() as session:
        poll = make_poll(session, world)
        clara = people(session, poll)[0]
        cast(session, poll, clara, [Vote.YES, Vote.NO, Vote.IF_NEED_BE], world.now)
        clara.comment = "Mornings are the middle of the night here; the last one would do."
        if held:
            slot = slot_ids(session, poll)[0]
            holding.hold(session, poll, poll_slot_id=slot, actor=world.acting(), now=world.now)
            answering.answer(
                session,
                firm_id=poll.firm_id,
                poll_invitee_id=clara.poll_invitee_id,
                poll_slot_id=slot,
                given=Answer.DECLINED,
                now=world.now,
            )
        found = holding.personal_links(session, poll, actor=world.acting(), secret=SECRET_KEY, now=world.now)
        session.commit()
        return f"/polls/{poll.poll_id}", [f"/i/{token}" for _invitee, token in found]


@SIZES
def test_the_pages_of_polls_are_accessible_and_fit(desk: Desk, width: int, scheme: str) -> None:
    page = desk.page
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    (opened, _), (held, _) = made(desk, held=False), made(desk, held=True)
    for path in ("/polls", "/polls/new", opened, f"{opened}/edit", held):
        page.goto(path)
        looked_at(page, f"poll{path.replace('/', '-')}-{width}-{scheme}")
    for path, button in (
        (opened, "Hold…"),
        (held, "Hold instead…"),
        (held, "Confirm…"),
        (held, "Cancel poll…"),
        (held, "Personal links…"),
    ):
        page.goto(path)
        page.locator(".btn", has_text=button).first.click()
        page.locator("#dialog[open]").wait_for()
        looked_at(page, f"poll-dialog-{button.split('…')[0].replace(' ', '-')}-{width}-{scheme}")
    page.goto("/polls/new")
    page.get_by_role("button", name="Send poll").last.click()
    expect(page.get_by_role("alert")).to_be_visible()
    looked_at(page, f"poll-new-refused-{width}-{scheme}")


@SIZES
def test_what_an_invitee_sees_is_accessible_and_fits(
    desk: Desk, outside: BrowserContext, width: int, scheme: str
) -> None:
    page = outside.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    (_, open_doors), (path, held_doors) = made(desk, held=False), made(desk, held=True)
    for name, door in (
        ("vote", open_doors[1]),
        ("voted", open_doors[0]),
        ("asked", held_doors[1]),
        ("declined", held_doors[0]),
        ("gone", "/i/x"),
    ):
        page.goto(door)
        looked_at(page, f"invitee-{name}-{width}-{scheme}")
    page.goto(open_doors[1])
    page.get_by_role("button", name="Save reply").last.click()
    looked_at(page, f"invitee-refused-{width}-{scheme}")
    number = int(path.rsplit("/", 1)[1])
    for status in (PollStatus.CANCELLED, PollStatus.TIMED_OUT):
        with desk.session() as session:
            session.execute(sa.update(Poll).where(Poll.poll_id == number).values(status=status))
            session.commit()
        page.goto(held_doors[0])
        looked_at(page, f"invitee-{status.value}-{width}-{scheme}")
    outside.close()
