"""What people at a desk and programs do, one request after another, each measured and judged."""

import json
import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

from tests.faults.client import Answer, send
from tests.support.many import FIRST_NAMES, LAST_NAMES
from tests.support.signed_in import COOKIE

HIDDEN = re.compile(r'name="(csrf_token|form_token|version|asked)"[^>]* value="([^"]*)"')
SLOT = timedelta(minutes=15)
EVENING = timedelta(hours=15)  # of the day before, until 9 in the morning nobody else has a meeting
SLOTS = 72
SHOWN, DONE, NEWS = {200}, {200, 201, 303}, {200, 304}
OVERTAKEN = 409
SHARED = ("edit", "no-show", "API: no-show")
"""What others do to the same appointment: the worker completes what is over, colleagues edit."""


class Sample(NamedTuple):
    """One request: when it was due by the monotonic clock, and how long it took from then, in seconds."""

    name: str
    at: float
    seconds: float
    fault: str = ""
    first: bool = True
    """Whether something was begun with it: a form is opened, then sent."""
    late: bool = False
    """Whether the answer was that somebody had been faster."""


@dataclass(frozen=True)
class Desk:
    """Where people sit, and what there is to look at; ``midnight`` begins the day of the board."""

    port: int
    cookies: tuple[str, ...]
    tokens: tuple[str, ...]
    staff: tuple[int, ...]
    kind: int
    contacts: tuple[int, ...]
    appointments: tuple[int, ...]
    todays: tuple[int, ...]
    midnight: datetime

    @property
    def today(self) -> str:
        return self.midnight.date().isoformat()


class Person:
    """One who asks; books in a calendar, and in quarters of an hour, that nobody else does.

    Args:
        place: which of the ``number`` of people; ``note`` is told of each request.
        day: of the calendars, to begin at; days before it are others' already.
    """

    def __init__(
        self, desk: Desk, place: int, number: int, note: Callable[[Sample], None], day: int = 0
    ) -> None:
        self.desk, self.note = desk, note
        self.chance = random.Random(place)
        self.cookie = f"{COOKIE}={desk.cookies[place % len(desk.cookies)]}"
        self.token = desk.tokens[place % len(desk.tokens)]
        self.staff = desk.staff[place % len(desk.staff)]
        self.step = -(-number // len(desk.staff))
        self.turn = self.back = day * SLOTS + place // len(desk.staff)
        self.tag = ""
        self.own: list[int] = []
        self.due, self.first = 0.0, True

    def act(self, name: str, due: float | None = None) -> None:
        """Do one thing of ``ACTIONS``; its first request is measured from when it was due."""
        self.due, self.first = time.monotonic() if due is None else due, True
        ACTIONS[name](self)

    def ask(
        self, name: str, method: str, path: str, good: set[int], body: bytes = b"", **headers: str
    ) -> Answer:
        """One request on a connection of its own, as a proxy makes it."""
        answer = send(self.desk.port, method, path, body, **headers)
        ended = time.monotonic()
        late = answer.status == OVERTAKEN and name.startswith(SHARED)
        right = late or answer.status in good
        fault = "" if right else f"{method} {path}: {answer.status} {answer.text[:300]}"
        self.note(Sample(name, self.due, ended - self.due, fault, self.first, late))
        self.due, self.first = ended, False
        return answer

    def see(self, name: str, path: str) -> None:
        self.ask(name, "GET", path, SHOWN, Cookie=self.cookie, Accept_Encoding="br, gzip")

    def call(self, name: str, method: str, path: str, facts: Any = None) -> dict[str, Any] | None:
        """One request to the API; None where it was refused."""
        headers = {"Authorization": f"Bearer {self.token}"}
        body = b"" if facts is None else json.dumps(facts).encode()
        if facts is not None:
            headers |= {"Content_Type": "application/json", "Idempotency_Key": str(uuid4())}
        answer = self.ask(name, method, f"/api/v1{path}", DONE, body, **headers)
        return answer.json if answer.good else None

    def fill(self, name: str, path: str, **facts: str) -> None:
        """Open a form as htmx does, and send it."""
        both = {"Cookie": self.cookie, "HX_Request": "true"}
        page = self.ask(f"{name}: form", "GET", path, SHOWN, **both)
        if not page.good:
            return
        given = page.headers.get("set-cookie", "").split(";")[0]
        both |= {"Cookie": f"{self.cookie}; {given}", "Content_Type": "application/x-www-form-urlencoded"}
        self.ask(
            f"{name}: sent",
            "POST",
            path,
            DONE,
            urlencode(dict(HIDDEN.findall(page.text)) | facts).encode(),
            **both,
        )

    def one(self) -> int:
        return self.chance.choice(self.desk.appointments)

    def name(self) -> str:
        return f"{self.chance.choice(FIRST_NAMES)[:3]} {self.chance.choice(LAST_NAMES)[:3]}".replace(" ", "+")

    def contact(self) -> int:
        return self.chance.choice(self.desk.contacts)

    def ahead(self) -> datetime:
        """The start of a free quarter of an hour that is still to come."""
        self.turn += self.step
        day, quarter = divmod(self.turn, SLOTS)
        return self.desk.midnight + timedelta(days=day + 2) + EVENING + quarter * SLOT

    def over(self) -> datetime:
        """The start of a free one that has passed."""
        self.back += self.step
        day, quarter = divmod(self.back, SLOTS)
        return self.desk.midnight - timedelta(days=day + 3) + EVENING + quarter * SLOT

    def booked(self, start: datetime) -> int | None:
        facts = {
            "appointment_type_id": self.desk.kind,
            "staff_user_id": self.staff,
            "contact_id": self.contact(),
            "start_time": start.isoformat(),
            "end_time": (start + SLOT).isoformat(),
        }
        made = self.call("API: book", "POST", "/appointments", facts)
        return made["appointment_id"] if made else None

    def take(self) -> int | None:
        """One of its own to change; a new one where there is none."""
        return self.own.pop(0) if self.own else self.booked(self.ahead())


def _book(who: Person) -> None:
    if number := who.booked(who.ahead()):
        who.own.append(number)


def _move(who: Person) -> None:
    if number := who.take():
        start = who.ahead()
        facts = {"start_time": start.isoformat(), "end_time": (start + SLOT).isoformat(), "reason": "Later"}
        if made := who.call("API: move", "POST", f"/appointments/{number}/reschedule", facts):
            who.own.append(made["successor"]["appointment_id"])


def _cancel(who: Person) -> None:
    if number := who.take():
        facts = {"reason": "Ill", "cancelled_by": "client"}
        who.call("API: cancel", "POST", f"/appointments/{number}/cancel", facts)


def _no_show(who: Person) -> None:
    if number := who.booked(who.over()):
        facts = {"no_show_party": "client"}
        who.call("API: no-show", "POST", f"/appointments/{number}/no-show", facts)


def _news(who: Person) -> None:
    headers = {"Cookie": who.cookie, "HX_Request": "true"} | ({"If_None_Match": who.tag} if who.tag else {})
    since = urlencode({"since": who.desk.midnight.isoformat()})
    answer = who.ask("board: news", "GET", f"/day/{who.desk.today}/changes?{since}", NEWS, **headers)
    who.tag = answer.headers.get("etag", "")


def _form_book(who: Person) -> None:
    start = who.ahead()
    facts = {"other": start.date().isoformat(), "time": f"{start:%H:%M}", "duration": "15", "how": "book"}
    whom = {"who": "existing", "contact_id": str(who.contact())}
    what = {"appointment_type_id": str(who.desk.kind), "staff_user_id": str(who.staff)}
    who.fill("book", "/appointments/new", **facts, **whom, **what)


def _form_edit(who: Person) -> None:
    number = who.chance.choice(who.desk.todays)
    who.fill("edit", f"/appointments/{number}/details", location=f"Room {who.chance.randrange(99)}")


def _form_cancel(who: Person) -> None:
    if number := who.take():
        who.fill("cancel", f"/appointments/{number}/cancellation", cancelled_by="client", reason="Ill")


def _form_move(who: Person) -> None:
    if number := who.take():
        start = who.ahead()
        when = {"other": start.date().isoformat(), "time": f"{start:%H:%M}"}
        path = f"/appointments/{number}/rescheduling"
        who.fill("move", path, **when, staff_user_id=str(who.staff), reason="Later")


def _form_no_show(who: Person) -> None:
    if number := who.booked(who.over()):
        who.fill("no-show", f"/appointments/{number}/no-show", party="client")


ACTIONS: dict[str, Callable[[Person], Any]] = {
    "board": lambda who: who.see("board", f"/day/{who.desk.today}"),
    "board: news": _news,
    "week": lambda who: who.see("week", f"/week/{who.desk.today}"),
    "appointment": lambda who: who.see("appointment", f"/appointments/{who.one()}"),
    "dossier": lambda who: who.see("dossier", f"/appointments/{who.one()}/dossier"),
    "search": lambda who: who.see("search", f"/contacts?q={who.name()}"),
    "contact": lambda who: who.see("contact", f"/contacts/{who.contact()}"),
    "list": lambda who: who.see("list", "/appointments"),
    "list searched": lambda who: who.see("list searched", f"/appointments?q={who.name()}"),
    "list as file": lambda who: who.see("list as file", "/appointments.csv"),
    "needs outcome": lambda who: who.see("needs outcome", "/needs-outcome"),
    "reports": lambda who: who.see("reports", "/reports"),
    "week printed": lambda who: who.see("week printed", "/reports/week"),
    "activity": lambda who: who.see("activity", "/activity"),
    "API: list": lambda who: who.call("API: list", "GET", "/appointments"),
    "API: history": lambda who: who.call("API: history", "GET", f"/appointments/{who.one()}/history"),
    "API: book": _book,
    "API: move": _move,
    "API: cancel": _cancel,
    "API: no-show": _no_show,
    "book": _form_book,
    "edit": _form_edit,
    "cancel": _form_cancel,
    "move": _form_move,
    "no-show": _form_no_show,
}
MIX = {
    "board": 14,
    "board: news": 28,
    "week": 4,
    "appointment": 10,
    "dossier": 1,
    "search": 8,
    "contact": 3,
    "list": 5,
    "list searched": 3,
    "list as file": 0.2,
    "needs outcome": 2,
    "reports": 1,
    "week printed": 1,
    "activity": 3,
    "API: list": 3,
    "API: history": 2,
    "API: book": 3,
    "API: move": 2,
    "API: cancel": 2,
    "API: no-show": 1,
    "book": 2,
    "edit": 2,
    "cancel": 1,
    "move": 1,
    "no-show": 1,
}
"""How often each is done, of about a hundred."""
BOARD = {"board": 1}
