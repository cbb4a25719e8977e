"""What happens without anybody at the desk: one run with a real site, a real worker, a real mail server.

Each is a process, and nobody moves a clock. The meetings of today were booked yesterday; they come to their
thresholds, and a proposal to its deadline, while a poll and a client's moves are played in browsers. That
nothing was decided too early is read from the history, which says when each row was written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from icalendar import Calendar
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from tests.browser.day_ahead import MINUTE, Today, joins, lay_out_today, london, short, weekdays
from tests.browser.town import PAGE_MS, Process, Town, a_town, timeline, until
from tests.factories import World, make_world
from webapp import clock
from webapp.lifecycle import passwords
from webapp.models import Appointment, AppointmentType, Poll, StaffUser
from webapp.vocabulary import (
    ActorKind,
    CancellationKind,
    CancelledBy,
    NoShowParty,
    PollStatus,
    Status,
)

PASSWORD = "teapot lantern meadow"
TITLE = "Wren Trust, annual review"
MISSED = {"client": ("Client didn’t show", "Staff joined"), "staff": ("Staff didn’t show", "Client joined")}
AUTOMATIC = "Automatically marked as completed after meeting time"


@dataclass(frozen=True)
class Invited:
    """Somebody asked: where they live, and what they think of the three times."""

    name: str
    email: str
    required: str
    zone: str
    label: str
    votes: tuple[str, str, str]

    def clock_at(self, london: datetime) -> str:
        return f"{london.astimezone(ZoneInfo(self.zone)):%H:%M}"


WRENS = (
    Invited("Clara Wren", "clara@wren.example", "yes", "Europe/Berlin", "Berlin",
            ("yes", "no", "if_need_be")),
    Invited("Piet Wren", "piet@wren.example", "yes", "America/New_York", "New York",
            ("yes", "yes", "no")),
    Invited("Yusuf Amin", "yusuf@wren.example", "no", "Asia/Tokyo", "Tokyo",
            ("if_need_be", "no", "yes")),
)  # fmt: skip


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A busy machine is not a failure."""
    expect.set_options(timeout=PAGE_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def town(engine: Engine, database_url: str, tmp_path: Path, browser: Browser) -> Iterator[Town]:
    with a_town(engine, database_url, tmp_path, browser) as town:
        yield town


@pytest.fixture
def world(town: Town) -> World:
    """Marlow's, whose staff have a password, and whose reviews are held by a provider that reports."""
    with town.session() as session:
        world = make_world(session)
        hashed = passwords.make_hash(PASSWORD)
        for user in session.scalars(sa.select(StaffUser)):
            user.password_hash = hashed
        session.get_one(AppointmentType, world.kind.appointment_type_id).tracked = True
        session.add(
            AppointmentType(firm_id=world.firm.firm_id, name="Call", duration=30, created_at=world.now)
        )
        session.commit()
    return world


@pytest.fixture
def worker(town: Town) -> Process:
    """Sweeps each second rather than each minute."""
    worker = town.start("webapp.cli", "worker", "--every", "1")
    worker.says("started")
    return worker


def signed_in(town: Town, email: str) -> Page:
    page = town.visitor("/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".topbar")).to_be_visible()
    return page


def settings_made(manager: Page) -> str:
    """A manager lets clients move a booking twice, and reads the secret of the provider's calls."""
    manager.goto("/settings")
    manager.locator("[name=reschedule_limit]").fill("2")
    manager.get_by_role("button", name="Save settings").click()
    expect(manager.locator("main")).to_contain_text("A client may move one booking up to 2 times")
    manager.goto("/settings/attendance")
    manager.get_by_role("button", name="Show the secret").click()
    secret = manager.locator("#secret").input_value()
    assert secret.startswith("whsec_")
    return secret


def propose_times(page: Page, days: list[date]) -> None:
    """Lena asks the Wrens about three times at 10:00 in London."""
    page.goto("/polls/new")
    page.locator("[name=title]").fill(TITLE)
    for number, day in enumerate(days):
        page.locator(f"[name=slots-{number}-day]").fill(day.isoformat())
        page.locator(f"[name=slots-{number}-time]").fill("10:00")
    page.locator("[name=deadline-day]").fill((days[0] - timedelta(days=1)).isoformat())
    page.locator("[name=deadline-time]").fill("12:00")
    for number, invited in enumerate(WRENS):
        page.locator(f"[name=invitees-{number}-name]").fill(invited.name)
        page.locator(f"[name=invitees-{number}-email]").fill(invited.email)
        page.locator(f"[name=invitees-{number}-required]").select_option(invited.required)
        page.locator(f"[name=invitees-{number}-timezone]").fill(invited.zone)
    page.locator(".pollsave").get_by_role("button", name="Send poll").click()
    expect(page.locator("h1")).to_have_text(TITLE)


def vote(town: Town, invited: Invited, first: date) -> Page:
    """By the link in the mail, in the invitee's own zone."""
    page = town.visitor(town.link(invited.email))
    slots = page.locator(".invitee__slot")
    expect(slots).to_have_count(3)
    expect(slots.first).to_contain_text(invited.clock_at(london(first, 10)))
    expect(page.locator("body")).to_contain_text(invited.label)
    for number, given in enumerate(invited.votes):
        slots.nth(number).locator(f"input[value={given}]").check()
    page.locator("button.btn--primary").click()
    expect(page.locator("button.btn--primary")).to_have_text("Save changes")
    return page


def hold_the_best(town: Town, page: Page, day: date) -> int:
    """Lena holds the time that suits most; gives the appointment that this makes."""
    page.reload()
    expect(page.locator("#poll-replied")).to_contain_text("3")
    page.get_by_role("link", name=re.compile(f"Hold.*{short(day)}")).click()
    page.get_by_role("dialog").get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".poll__held").first).to_contain_text("Held")
    with town.session() as session:
        poll = session.scalars(sa.select(Poll)).one()
        assert poll.status is PollStatus.HELD
        assert poll.appointment_id is not None
        return poll.appointment_id


def a_whole_poll(town: Town, lena: Page) -> int:
    days = list(islice(weekdays(4), 3))
    propose_times(lena, days)
    pages = {invited.name: vote(town, invited, days[0]) for invited in WRENS}
    number = hold_the_best(town, lena, days[0])
    assert town.story(number) == [("propose", "awaiting_confirmation", f"Poll: {TITLE}")]
    for invited in WRENS:
        pages[invited.name].goto(town.link(invited.email, least=2))  # a scanner does as much
    assert len(town.story(number)) == 1
    for name in ("Clara Wren", "Piet Wren"):  # Yusuf need not come
        assert town.get(number).status is Status.AWAITING_CONFIRMATION
        pages[name].get_by_role("button", name="Accept").click()
        expect(pages[name].get_by_role("button", name="Accept")).to_have_count(0)
    return number


def the_poll_is_told(town: Town, lena: Page, number: int) -> None:
    assert town.story(number)[1:] == [("confirm", "confirmed", None)]
    assert town.get(number).status is Status.CONFIRMED
    told = timeline(lena, number)
    assert told[0].startswith("Confirmed")
    assert "by the system, was Awaiting confirmation" in told[0]
    assert told[-1].startswith("Awaiting confirmation")
    assert "by Lena Fischer" in told[-1]
    assert f"Reason: Poll: {TITLE}" in told[-1]
    for invited in WRENS:
        asked, held, confirmed = town.letters(invited.email, least=3)
        assert str(asked["Subject"]).startswith(f"Which times suit you? {TITLE}")
        assert str(held["Subject"]).startswith("Answer by ")
        assert str(confirmed["Subject"]).startswith(f"Confirmed: {TITLE} on ")
        assert entry(confirmed)["STATUS"] == "CONFIRMED"


def entry(letter: EmailMessage) -> dict[str, str]:
    """The calendar entry that a mail carries, with the METHOD of its file."""
    (part,) = [part for part in letter.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    (event,) = calendar.walk("VEVENT")
    names = ("UID", "SEQUENCE", "STATUS")
    return {name: str(event[name]) for name in names} | {"METHOD": str(calendar["METHOD"])}


def move(client: Page, day: date, time: str, reason: str) -> None:
    """The client takes a free time on that day."""
    client.get_by_role("link", name="Move to another time").click()
    client.locator(f"input[name=day][value='{day}']").check(force=True)
    expect(client.locator("#slots legend")).to_contain_text(f"{day.day} {day:%b}")
    client.locator("#slots label", has_text=time).first.click()
    client.get_by_label("Reason").fill(reason)
    client.get_by_role("button", name="Move", exact=True).click()
    expect(client.locator("h1")).to_contain_text("Your appointment")
    expect(client.locator(".client__stands + *")).to_contain_text(time)


def moves_up_to_the_limit(town: Town) -> None:
    """Ivy moves her booking twice; the third time she is told why not, also on a page from before."""
    _booked, *days = islice(weekdays(2), 3)
    client = town.visitor(town.link("ivy@client.example"))
    address = client.url
    before = town.visitor(address)
    move(client, days[0], "11:30", "Better at half past")
    move(client, days[1], "14:00", "Better after lunch")
    refusal = "It was moved 2 times; the limit is 2."
    expect(client.get_by_role("link", name="Move to another time")).to_have_count(0)
    expect(client.locator("body")).to_contain_text(refusal)
    client.goto(f"{address}/rescheduling")
    expect(client).to_have_url(address)
    before.get_by_role("link", name="Move to another time").click()
    expect(before.locator("body")).to_contain_text(refusal)


def the_moves_are_told(town: Town, lena: Page, first: int) -> None:
    chain = [first]
    with town.session() as session:
        while (following := session.get_one(Appointment, chain[-1]).rescheduled_to) is not None:
            chain.append(following.appointment_id)
    assert [town.get(number).status for number in chain] == [
        Status.RESCHEDULED,
        Status.RESCHEDULED,
        Status.CONFIRMED,
    ]
    assert town.story(first) == [
        ("book", "confirmed", None),
        ("reschedule", "rescheduled", "Better at half past"),
    ]
    assert town.story(chain[1]) == [
        ("reschedule", "confirmed", "Better at half past"),
        ("reschedule", "rescheduled", "Better after lunch"),
    ]
    assert town.story(chain[2]) == [("reschedule", "confirmed", "Better after lunch")]
    (step,) = town.steps(chain[2])
    assert (step.actor_kind, step.actor_label, step.changed_by_id) == (ActorKind.CLIENT, "Ivy Thompson", None)
    told = timeline(lena, chain[2])
    assert len(told) == 5  # the whole chain: booked, left and taken twice
    assert "by Ivy Thompson, rescheduled from" in told[0]
    assert "Reason: Better after lunch" in told[0]
    letters = town.letters("ivy@client.example", least=3)
    assert [str(letter["Subject"]).split(":")[0] for letter in letters] == ["Confirmed", "Moved", "Moved"]
    entries = [entry(letter) for letter in letters]
    assert len({each["UID"] for each in entries}) == 1
    sequence = [int(each["SEQUENCE"]) for each in entries]
    assert sequence == sorted(set(sequence))


def is_decided(town: Town, number: int, moment: datetime) -> None:
    """Within the patience its second history row is there: the system's, and written after that moment."""
    until(lambda: len(town.steps(number)) > 1, f"the outcome of appointment {number}")
    _made, step = town.steps(number)
    assert (step.actor_kind, step.changed_by_id) == (ActorKind.SYSTEM, None)
    assert step.changed_at > moment


def the_missing_are_told(town: Town, lena: Page, today: Today) -> None:
    for name in ("client", "staff", "both"):
        who, seen = MISSED.get(name, ("Both didn’t show", ""))
        number = today.made[name]
        is_decided(town, number, today.due)
        missed = town.get(number)
        assert (missed.status, missed.no_show_party) == (Status.NO_SHOW, NoShowParty(name))
        assert missed.no_show_at == missed.start_time + 30 * MINUTE == today.due
        why = f"{who}. Had not joined 30 min after the start"
        assert town.story(number) == [("book", "confirmed", None), ("mark_no_show", "no_show", why)]
        told = timeline(lena, number)
        assert told[0].startswith("No-show")
        assert "by the system, was Confirmed" in told[0]
        assert why in told[0]
        joined = [line for line in told if "reported by the video provider" in line]
        assert [line.startswith(seen) for line in joined] == ([True] if seen else [])


def the_kept_are_told(town: Town, lena: Page, today: Today) -> None:
    for name, reported in (("kept", 2), ("called", 0)):
        number = today.made[name]
        is_decided(town, number, today.due)
        kept = town.get(number)
        assert (kept.status, kept.completed_at) == (Status.COMPLETED, kept.end_time)
        assert town.story(number) == [("book", "confirmed", None), ("complete", "completed", AUTOMATIC)]
        told = timeline(lena, number)
        assert told[0].startswith("Completed")
        assert "by the system, was Confirmed; happened" in told[0]
        assert len([line for line in told if "reported by the video provider" in line]) == reported


def the_time_out_is_told(town: Town, lena: Page, client: Page, today: Today) -> None:
    number = today.made["proposed"]
    is_decided(town, number, today.due)
    gone = town.get(number)
    assert (gone.status, gone.cancellation_kind, gone.cancelled_by) == (
        Status.CANCELLED,
        CancellationKind.TIMED_OUT,
        CancelledBy.SYSTEM,
    )
    assert [step[:2] for step in town.story(number)] == [
        ("propose", "awaiting_confirmation"),
        ("time_out", "cancelled"),
    ]
    newest = timeline(lena, number)[0]
    assert newest.startswith("Cancelled")
    assert "by the system, was Awaiting confirmation" in newest
    client.get_by_role("button", name="Confirm").click()  # on the page that is still open
    expect(client.locator("body")).to_contain_text("It was not confirmed in time")
    assert len(town.story(number)) == 2
    asked, given_up = town.letters("ada@client.example", least=2)
    assert str(asked["Subject"]).startswith("Answer by ")
    assert str(given_up["Subject"]).startswith("Given up: ")
    assert [entry(letter)["METHOD"] for letter in (asked, given_up)] == ["REQUEST", "CANCEL"]


def nothing_more_happens(town: Town, worker: Process, today: Today) -> None:
    """The worker ends in good order; nobody was told anything but what was checked, and all of it holds."""
    assert worker.stop() == 0, worker.told()
    for name in ("carol", "stefan", "beth"):  # booked for a meeting that had not ended; outcomes are no news
        (letter,) = town.letters(f"{name}@client.example")
        assert str(letter["Subject"]).startswith("Confirmed: ")
    assert town.letters("karl@client.example") == town.letters("cleo@client.example") == []
    assert len(town.letters("ada@client.example")) == 2
    assert len(town.letters("ivy@client.example")) == 3
    assert [len(town.letters(invited.email)) for invited in WRENS] == [3, 3, 3]
    verified = town.start("webapp.cli", "verify")
    assert verified.ended() == 0, verified.told()
    assert all(len(town.steps(number)) == 2 for number in today.made.values())


def test_a_day_runs_by_itself(town: Town, world: World, worker: Process) -> None:
    lena = signed_in(town, world.staff.email)
    secret = settings_made(signed_in(town, world.manager.email))
    today = lay_out_today(town, world)
    joins(town, today, secret)
    asked = town.visitor(town.link("ada@client.example"))
    expect(asked.get_by_role("button", name="Confirm")).to_be_visible()
    assert clock.now().astimezone(UTC) < today.due, "the letter came after the deadline"

    poll = a_whole_poll(town, lena)
    the_poll_is_told(town, lena, poll)
    moves_up_to_the_limit(town)
    the_moves_are_told(town, lena, today.made["moved"])
    the_missing_are_told(town, lena, today)
    the_kept_are_told(town, lena, today)
    the_time_out_is_told(town, lena, asked, today)
    nothing_more_happens(town, worker, today)
