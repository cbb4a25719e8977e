"""Programs that change things through the JSON API, insist until they are answered, and remember what was."""

import contextlib
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.faults.stack import Stack

SLOT = timedelta(minutes=15)
FAR = timedelta(days=60)
TERM = timedelta(days=20)  # of the calendar, for one load of several on a stack
THINK = 0.03  # seconds between two requests of one program
AGAIN = 0.1  # seconds until a request without an answer is sent again
PATIENCE = 60  # seconds
MOST_OWN = 6
NOT_NOW = {503}


@dataclass(frozen=True)
class Answer:
    """What came back in full; ``status`` 0 where nothing did, no ``text`` of what came packed."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def good(self) -> bool:
        return 200 <= self.status < 400


NOTHING = Answer(0, {}, "")


def send(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """One request on a connection of its own; ``NOTHING`` unless the whole answer has arrived."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        body = answer.read()
        text = body.decode() if answer.getheader("content-encoding") is None else ""
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text)
    return NOTHING


def call(stack: Stack, token: str, method: str, path: str, facts: Any = None, **headers: str) -> Answer:
    """One request to the API."""
    headers |= {"Authorization": f"Bearer {token}", "Content_Type": "application/json"}
    body = b"" if facts is None else json.dumps(facts).encode()
    return send(stack.port, method, f"/api/v1{path}", body, **headers)


@dataclass
class Ledger:
    """Keys that were sent, and what was acknowledged. ``faults`` are answers that nobody should get."""

    sent: set[str] = field(default_factory=set)
    booked: dict[str, int] = field(default_factory=dict)
    moved: dict[str, tuple[int, int]] = field(default_factory=dict)
    cancelled: dict[str, int] = field(default_factory=dict)
    noted: dict[int, str] = field(default_factory=dict)
    live: set[int] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    unanswered: int = 0
    put_off: int = 0
    repeated: int = 0
    notes: int = 0

    @property
    def acknowledged(self) -> int:
        return len(self.booked) + len(self.moved) + len(self.cancelled) + self.notes


class Program(threading.Thread):
    """Books, moves, cancels and notes in one person's calendar, so that nobody refuses it anything."""

    def __init__(self, stack: Stack, place: int, ledger: Ledger, chance: random.Random) -> None:
        super().__init__(daemon=True)
        world = stack.world
        people = (world.owner, world.manager, world.staff, world.staff2)
        self.stack, self.ledger, self.chance = stack, ledger, chance
        self.token = stack.tokens[place]
        self.person = people[place].staff_user_id
        self.kind = world.kind.appointment_type_id
        self.clients = [contact.contact_id for contact in stack.contacts]
        begins = stack.now() + FAR + stack.loads * TERM
        self.next = begins.replace(minute=0, second=0, microsecond=0)
        self.own: list[int] = []
        self.ending = threading.Event()
        self.going = threading.Event()
        self.idle = threading.Event()
        self.going.set()

    def run(self) -> None:
        try:
            while not self.ending.is_set():
                if not self.going.is_set():
                    self.idle.set()
                    self.going.wait()
                    self.idle.clear()
                    continue
                self.step()
                time.sleep(THINK)
        except Exception as error:
            self.ledger.faults.append(f"the program broke off: {error!r}")
        finally:
            self.idle.set()

    def step(self) -> None:
        acts = [self.book] if len(self.own) < 2 else [self.move, self.cancel, self.note]
        acts += [self.book] if len(self.own) < MOST_OWN else []
        self.chance.choice(acts)()

    def slot(self) -> datetime:
        self.next += SLOT
        return self.next

    def times(self) -> dict[str, str]:
        start = self.slot()
        return {"start_time": start.isoformat(), "end_time": (start + SLOT).isoformat()}

    def book(self) -> None:
        key = str(uuid4())
        people = {"staff_user_id": self.person, "contact_id": self.chance.choice(self.clients)}
        facts = {"appointment_type_id": self.kind, "notes": key} | people | self.times()
        if made := self.insist("POST", "/appointments", facts, key):
            number = made["appointment_id"]
            self.ledger.booked[key] = number
            self.ledger.live.add(number)
            self.own.append(number)

    def move(self) -> None:
        number, key = self.take(), str(uuid4())
        path = f"/appointments/{number}/reschedule"
        if made := self.insist("POST", path, {"reason": key} | self.times(), key):
            follower = made["successor"]["appointment_id"]
            self.ledger.moved[key] = (number, follower)
            self.ledger.live ^= {number, follower}
            if number in self.ledger.noted:
                self.ledger.noted[follower] = self.ledger.noted[number]
            self.own.append(follower)

    def cancel(self) -> None:
        number, key = self.take(), str(uuid4())
        facts = {"reason": key, "cancelled_by": "client"}
        if self.insist("POST", f"/appointments/{number}/cancel", facts, key):
            self.ledger.cancelled[key] = number
            self.ledger.live.discard(number)

    def note(self) -> None:
        number, key = self.chance.choice(self.own), str(uuid4())
        if self.insist("PATCH", f"/appointments/{number}", {"location": key}, key):
            self.ledger.noted[number] = key
            self.ledger.notes += 1

    def take(self) -> int:
        return self.own.pop(self.chance.randrange(len(self.own)))

    def insist(self, method: str, path: str, facts: Any, key: str) -> dict[str, Any] | None:
        """Send it under one key until it is answered, and now and then once more after that."""
        self.ledger.sent.add(key)
        give_up = time.monotonic() + PATIENCE
        while True:
            answer = call(self.stack, self.token, method, path, facts, Idempotency_Key=key)
            if answer.good:
                if self.chance.random() < 0.1:
                    self.repeat(method, path, facts, key, answer)
                return answer.json
            if answer.status == 0:
                self.ledger.unanswered += 1
            elif answer.status in NOT_NOW and answer.headers.get("retry-after") and answer.json["detail"]:
                self.ledger.put_off += 1
            else:
                self.ledger.faults.append(f"{method} {path}: {answer.status} {answer.text[:200]}")
                if answer.status < 500:
                    return None
            if time.monotonic() > give_up:
                self.ledger.faults.append(f"{method} {path}: no answer in {PATIENCE} s")
                return None
            time.sleep(AGAIN)

    def repeat(self, method: str, path: str, facts: Any, key: str, first: Answer) -> None:
        again = call(self.stack, self.token, method, path, facts, Idempotency_Key=key)
        self.ledger.repeated += again.good
        if again.good and again.text != first.text:
            self.ledger.faults.append(f"{method} {path}: the same key was answered differently")


@dataclass
class Load:
    """Several programs at once, and their one ledger."""

    programs: list[Program]
    ledger: Ledger

    def pause(self) -> None:
        """Let each finish what it has in hand."""
        for program in self.programs:
            program.idle.clear()
            program.going.clear()
        for program in self.programs:
            assert program.idle.wait(PATIENCE), "a program does not come to rest"

    def go_on(self) -> None:
        for program in self.programs:
            program.going.set()


@contextlib.contextmanager
def load(stack: Stack, seed: int, number: int = 4) -> Iterator[Load]:
    """Programs at work on the stack until the end of the block."""
    ledger = Ledger()
    stack.loads += 1
    programs = [Program(stack, place, ledger, random.Random(seed + place)) for place in range(number)]
    for program in programs:
        program.start()
    try:
        yield Load(programs, ledger)
    finally:
        for program in programs:
            program.ending.set()
            program.going.set()
        for program in programs:
            program.join(PATIENCE)
