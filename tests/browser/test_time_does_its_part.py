"""What happens without anybody at the desk, with everything real: a web server, a worker, a mail server.

The site is served over HTTP, the worker is a process of its own that is started for one round at a chosen
instant, mail goes by SMTP over the loopback, and invitees and clients come by the links in it.
"""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
import time_machine
from playwright.sync_api import Browser, Page, expect
from standardwebhooks import Webhook

from tests.browser.conftest import Desk
from tests.factories import NOW, draft, make_contact
from tests.support.engines import ROOT, SECRET_KEY, settings_for
from tests.support.smtp import MailServer, mail_server
from webapp.config import Settings
from webapp.lifecycle import booking, callbacks
from webapp.models import Appointment, AppointmentType, Poll
from webapp.queries import invariants
from webapp.vocabulary import (
    ActorKind,
    CancellationKind,
    CancelledBy,
    NoShowParty,
    PollStatus,
    Status,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LINK = re.compile(r"/[ic]/[\w-]{43}")


@dataclass
class Town:
    """The desk, and everything around it that works by itself."""

    desk: Desk
    mail: MailServer
    clock: time_machine.Traveller
    folder: Path
    browser: Browser

    @property
    def page(self) -> Page:
        return self.desk.page

    def at(self, moment: datetime) -> None:
        """It is this instant now, on the site."""
        self.clock.move_to(moment)

    def round(self, moment: datetime) -> None:
        """The worker, in a process of its own, does one round of everything at this instant."""
        self.at(moment)
        url = self.desk.server.app.config["SETTINGS"].database_url
        words = [url, moment.isoformat(), self.mail.url, str(self.folder), "once"]
        done = subprocess.run(
            [sys.executable, "-m", "tests.worker.working_process", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def letters(self, address: str) -> list[EmailMessage]:
        """What the mail server took for this address, in order."""
        return [letter for letter in self.mail.messages if address in str(letter["To"])]

    def link(self, address: str) -> str:
        """The personal link in the last mail to this address."""
        body = self.letters(address)[-1].get_body(("plain",))
        assert body is not None
        found = LINK.search(body.get_content())
        assert found is not None, body.get_content()
        return found[0]

    def visitor(self, path: str) -> Page:
        """Somebody without an account opens an address."""
        page = self.browser.new_context(base_url=self.desk.server.url, reduced_motion="reduce").new_page()
        page.set_default_timeout(10_000)
        page.goto(path)
        return page

    def reports(self, number: int, side: str, joined_at: datetime) -> None:
        """The video provider calls: this side has joined that meeting."""
        self.at(joined_at)
        body = json.dumps({"appointment_id": number, "side": side, "joined_at": joined_at.isoformat()})
        secret = callbacks.secret_of(self.desk.world.firm.firm_id, key=SECRET_KEY)
        name = f"{number}-{side}"
        request = urllib.request.Request(  # noqa: S310 - the address is the test's own server
            f"{self.desk.server.url}/hooks/attendance/marlow",
            data=body.encode(),
            headers={
                "Content-Type": "application/json",
                "webhook-id": name,
                "webhook-timestamp": str(int(joined_at.timestamp())),
                "webhook-signature": Webhook(secret).sign(name, joined_at, body),
            },
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            assert json.load(answer) == {"recorded": True}

    def timeline(self, number: int) -> list[str]:
        """The entries of an appointment's history as staff read them, the newest first."""
        self.page.goto(f"/appointments/{number}")
        return [" ".join(text.split()) for text in self.page.locator("#history .event").all_inner_texts()]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The site's clock begins at the world's ``now`` and is moved by hand."""
    with time_machine.travel(NOW, tick=True) as traveller:
        yield traveller


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def settings(database_url: str, tmp_path: Path, mail: MailServer) -> Settings:
    """The site and the worker hand their mail to the same server."""
    return replace(settings_for(database_url, tmp_path), smtp_url=mail.url)


@pytest.fixture
def town(
    desk: Desk, clock: time_machine.Traveller, browser: Browser, mail: MailServer, tmp_path: Path
) -> Iterator[Town]:
    """At the end every status has its history row and outbox event, and every invariant holds."""
    yield Town(desk, mail, clock, tmp_path, browser)
    with desk.session() as session:
        numbers = session.scalars(sa.select(Appointment.appointment_id)).all()
        assert list(invariants.check(session)) == []
    for number in numbers:
        story = desk.story(number)  # counts the outbox beside the history
        assert story[-1][1] == desk.get(number).status.value


def video_meeting(desk: Desk, client: str, start: datetime) -> int:
    """Half an hour of Tomas's with somebody new."""
    world = desk.world
    with desk.session() as session:
        contact = make_contact(session, world.firm, client)
        plan = replace(
            draft(world, start=start, end=start + 30 * MINUTE, staff_user=world.staff2),
            contact_id=contact.contact_id,
        )
        made = booking.book(session, actor=world.acting(), draft=plan, now=NOW)
        session.commit()
        return made.appointment_id


def committed(desk: Desk, make: Callable[..., Appointment], *args: object, **more: object) -> int:
    with desk.session() as session:
        made = make(session, *args, **more)
        session.commit()
        return made.appointment_id


@dataclass(frozen=True)
class Invited:
    """Somebody asked, what 10:00 in London is on their clock, and what they think of the three times."""

    name: str
    email: str
    required: str
    zone: str
    clock: str
    label: str
    votes: tuple[str, str, str]


WRENS = (
    Invited("Clara Wren", "clara@wren.example", "yes", "Europe/Berlin", "11:00", "Berlin",
            ("yes", "no", "if_need_be")),
    Invited("Piet Wren", "piet@wren.example", "yes", "America/New_York", "05:00", "New York",
            ("yes", "yes", "no")),
    Invited("Yusuf Amin", "yusuf@wren.example", "no", "Asia/Tokyo", "19:00", "Tokyo",
            ("if_need_be", "no", "yes")),
)  # fmt: skip
TITLE = "Wren Trust, annual review"


def propose_times(page: Page) -> None:
    """Lena asks the Wrens about three times at 10:00 in London."""
    page.goto("/polls/new")
    page.locator("[name=title]").fill(TITLE)
    for number, day in enumerate(("2026-01-15", "2026-01-16", "2026-01-19")):
        page.locator(f"[name=slots-{number}-day]").fill(day)
        page.locator(f"[name=slots-{number}-time]").fill("10:00")
    page.locator("[name=deadline-day]").fill("2026-01-14")
    page.locator("[name=deadline-time]").fill("12:00")
    for number, invited in enumerate(WRENS):
        page.locator(f"[name=invitees-{number}-name]").fill(invited.name)
        page.locator(f"[name=invitees-{number}-email]").fill(invited.email)
        page.locator(f"[name=invitees-{number}-required]").select_option(invited.required)
        page.locator(f"[name=invitees-{number}-timezone]").fill(invited.zone)
    page.locator(".pollsave").get_by_role("button", name="Send poll").click()
    expect(page.locator("h1")).to_have_text(TITLE)


def vote(town: Town, invited: Invited) -> Page:
    """By the link in the mail, in the invitee's own zone."""
    page = town.visitor(town.link(invited.email))
    slots = page.locator(".invitee__slot")
    expect(slots).to_have_count(3)
    expect(slots.first).to_contain_text(invited.clock)
    expect(page.locator("body")).to_contain_text(invited.label)
    for number, given in enumerate(invited.votes):
        slots.nth(number).locator(f"input[value={given}]").check()
    page.locator("button.btn--primary").click()
    expect(page.locator("button.btn--primary")).to_have_text("Save changes")
    return page


def hold_the_best(desk: Desk) -> int:
    """Lena holds the time that suits most; gives the appointment that this makes."""
    page = desk.page
    page.reload()
    expect(page.locator("#poll-replied")).to_contain_text("3")
    page.get_by_role("link", name=re.compile("Hold.*Thu 15 Jan")).click()
    page.get_by_role("dialog").get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator(".poll__held").first).to_contain_text("Held")
    with desk.session() as session:
        poll = session.scalars(sa.select(Poll)).one()
        assert poll.status is PollStatus.HELD
        assert poll.appointment_id is not None
        return poll.appointment_id


def test_a_whole_poll_with_three_invitees_in_three_zones(town: Town) -> None:
    desk = town.desk
    propose_times(town.page)
    town.round(NOW + MINUTE)
    assert len(town.mail.messages) == 3
    pages = {invited.name: vote(town, invited) for invited in WRENS}
    number = hold_the_best(desk)
    assert desk.story(number) == [("propose", "awaiting_confirmation", f"Poll: {TITLE}")]

    town.round(NOW + 5 * MINUTE)
    assert [len(town.letters(invited.email)) for invited in WRENS] == [2, 2, 2]
    for invited in WRENS:
        pages[invited.name].goto(town.link(invited.email))  # a scanner does as much; it accepts nothing
    assert len(desk.story(number)) == 1
    for name in ("Clara Wren", "Piet Wren"):
        assert desk.get(number).status is Status.AWAITING_CONFIRMATION
        pages[name].get_by_role("button", name="Accept").click()
        expect(pages[name].get_by_role("button", name="Accept")).to_have_count(0)
    assert desk.story(number)[1:] == [("confirm", "confirmed", None)]
    told = [line for line in town.timeline(number) if "joined" not in line]
    assert told[0].startswith("Confirmed")
    assert "by the system, was Awaiting confirmation" in told[0]
    assert told[-1].startswith("Awaiting confirmation")
    assert f"Reason: Poll: {TITLE}" in told[-1]

    town.round(NOW + 10 * MINUTE)
    for invited in WRENS:
        confirmed = town.letters(invited.email)[-1]
        (entry,) = [part for part in confirmed.walk() if part.get_content_type() == "text/calendar"]
        assert "STATUS:CONFIRMED" in entry.get_content()


def test_what_nobody_confirms_times_out(town: Town) -> None:
    desk = town.desk
    plan = draft(desk.world, staff_user=desk.world.staff2, start=NOW + 6 * HOUR, confirm_by=NOW + 2 * HOUR)
    number = committed(desk, booking.propose, actor=desk.world.acting(), draft=plan, now=NOW)
    town.round(NOW + MINUTE)
    client = town.visitor(town.link("ada@client.example"))
    expect(client.get_by_role("button", name="Confirm")).to_be_visible()
    town.round(NOW + 2 * HOUR)
    assert desk.get(number).status is Status.AWAITING_CONFIRMATION  # the deadline itself still counts
    town.round(NOW + 2 * HOUR + MINUTE)
    gone = desk.get(number)
    assert (gone.status, gone.cancellation_kind, gone.cancelled_by) == (
        Status.CANCELLED,
        CancellationKind.TIMED_OUT,
        CancelledBy.SYSTEM,
    )
    assert [step[:2] for step in desk.story(number)] == [
        ("propose", "awaiting_confirmation"),
        ("time_out", "cancelled"),
    ]
    newest = town.timeline(number)[0]
    assert newest.startswith("Cancelled")
    assert "by the system, was Awaiting confirmation" in newest
    client.get_by_role("button", name="Confirm").click()  # from the page that is still open
    expect(client.locator("body")).to_contain_text("It was not confirmed in time")
    assert len(desk.story(number)) == 2
    town.round(NOW + 2 * HOUR + 2 * MINUTE)
    assert str(town.letters("ada@client.example")[-1]["Subject"]).startswith("Given up: ")


def a_day_of_video(town: Town) -> tuple[dict[str, int], dict[str, datetime]]:
    """Four tracked meetings, an hour apart, run and end: the client, the staff, both and nobody missing."""
    desk = town.desk
    with desk.session() as session:
        session.get_one(AppointmentType, desk.world.kind.appointment_type_id).tracked = True
        session.commit()
    names = ("client", "staff", "both", "kept")
    begins = {name: NOW + (place + 1) * HOUR for place, name in enumerate(names)}
    made = {name: video_meeting(desk, f"{name.capitalize()} Video", begins[name]) for name in names}
    town.reports(made["client"], "staff", begins["client"] - MINUTE)
    town.round(begins["client"] + 30 * MINUTE)
    assert desk.get(made["client"]).status is Status.CONFIRMED  # whoever joins now still comes in time
    town.round(begins["client"] + 31 * MINUTE)
    town.reports(made["staff"], "client", begins["staff"] + 2 * MINUTE)
    town.round(begins["staff"] + 31 * MINUTE)
    town.round(begins["both"] + 31 * MINUTE)
    town.reports(made["kept"], "staff", begins["kept"])
    town.reports(made["kept"], "client", begins["kept"] + 4 * MINUTE)
    town.round(begins["kept"] + 31 * MINUTE)
    assert desk.get(made["kept"]).status is Status.CONFIRMED
    town.round(begins["kept"] + 91 * MINUTE)
    return made, begins


def test_missing_parties_and_finished_meetings_are_recorded_as_the_facts_show(town: Town) -> None:
    desk = town.desk
    made, begins = a_day_of_video(town)
    for name, who, seen in (
        ("client", "Client didn’t show", ["Staff joined"]),
        ("staff", "Staff didn’t show", ["Client joined"]),
        ("both", "Both didn’t show", []),
    ):
        missed = desk.get(made[name])
        assert (missed.status, missed.no_show_party) == (Status.NO_SHOW, NoShowParty(name))
        assert missed.no_show_at == begins[name] + 30 * MINUTE
        why = f"{who}. Had not joined 30 min after the start"
        assert desk.story(made[name]) == [("book", "confirmed", None), ("mark_no_show", "no_show", why)]
        told = town.timeline(made[name])
        assert told[0].startswith("No-show")
        assert "by the system, was Confirmed" in told[0]
        joined = [line for line in told if "reported by the video provider" in line]
        assert [line[: len(start)] for line, start in zip(joined, seen, strict=True)] == seen

    automatic = "Automatically marked as completed after meeting time"
    for number in (made["kept"], desk.by("Jonas Weber")):
        kept = desk.get(number)
        assert (kept.status, kept.completed_at) == (Status.COMPLETED, kept.end_time)
        assert desk.story(number) == [("book", "confirmed", None), ("complete", "completed", automatic)]
        with desk.session() as session:
            step = session.get_one(Appointment, number).status_history[-1]
            assert (step.actor_kind, step.changed_by_id) == (ActorKind.SYSTEM, None)
        told = town.timeline(number)
        assert told[0].startswith("Completed")
        assert "by the system, was Confirmed; happened" in told[0]
    before = [len(desk.story(number)) for number in made.values()]
    town.round(begins["kept"] + 92 * MINUTE)
    assert [len(desk.story(number)) for number in made.values()] == before


def move(client: Page, day: str, clock: str, reason: str) -> None:
    """The client takes a free time on that day."""
    client.get_by_role("link", name="Move to another time").click()
    client.locator(f"input[name=day][value='{day}']").check(force=True)
    expect(client.locator("#slots legend")).to_contain_text(f"{int(day[-2:])} Jan")
    client.locator("#slots label", has_text=clock).first.click()
    client.get_by_label("Reason").fill(reason)
    client.get_by_role("button", name="Move", exact=True).click()
    expect(client.locator("h1")).to_contain_text("Your appointment")
    expect(client.locator("body")).to_contain_text(clock)


def limit_moves(desk: Desk, times: int) -> None:
    """A manager says how often clients may move one booking."""
    page = desk.page
    page.context.clear_cookies()
    desk.as_user(desk.world.manager)
    page.goto("/settings")
    page.locator("[name=reschedule_limit]").fill(str(times))
    page.get_by_role("button", name="Save settings").click()
    expect(page.locator("main")).to_contain_text(f"A client may move one booking up to {times} times")


def chain_of(desk: Desk, first: int) -> list[int]:
    chain = [first]
    with desk.session() as session:
        while (following := session.get_one(Appointment, chain[-1]).rescheduled_to) is not None:
            chain.append(following.appointment_id)
    return chain


def test_a_client_moves_a_booking_up_to_the_limit_and_no_further(town: Town) -> None:
    desk = town.desk
    limit_moves(desk, 2)
    plan = draft(desk.world, staff_user=desk.world.staff2, start=NOW + 26 * HOUR)
    first = committed(desk, booking.book, actor=desk.world.acting(), draft=plan, now=NOW)
    town.round(NOW + MINUTE)
    client = town.visitor(town.link("ada@client.example"))
    address = client.url
    stale = town.visitor(address)
    move(client, "2026-01-15", "11:30", "Better on the 15th")
    move(client, "2026-01-16", "14:00", "Better on the 16th")
    refusal = "It was moved 2 times; the limit is 2."
    expect(client.get_by_role("link", name="Move to another time")).to_have_count(0)
    expect(client.locator("body")).to_contain_text(refusal)
    client.goto(f"{address}/rescheduling")
    expect(client).to_have_url(address)
    stale.get_by_role("link", name="Move to another time").click()  # on a page from before both moves
    expect(stale.locator("body")).to_contain_text(refusal)

    chain = chain_of(desk, first)
    statuses = [desk.get(number).status for number in chain]
    assert statuses == [Status.RESCHEDULED, Status.RESCHEDULED, Status.CONFIRMED]
    assert desk.story(first)[1:] == [("reschedule", "rescheduled", "Better on the 15th")]
    assert desk.story(chain[2]) == [("reschedule", "confirmed", "Better on the 16th")]
    with desk.session() as session:
        step = session.get_one(Appointment, chain[2]).status_history[0]
        assert (step.actor_kind, step.actor_label) == (ActorKind.CLIENT, "Ada Byron")
    told = town.timeline(chain[2])
    assert len(told) == 5
    assert "by Ada Byron, rescheduled from Thu 15 Jan, 11:30" in told[0]
    assert "Reason: Better on the 16th" in told[0]

    town.round(NOW + 5 * MINUTE)
    assert len(town.letters("ada@client.example")) == 3  # booked, moved, moved
