"""Many at once, over HTTP, against several processes: one wins, the others are told why."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import sqlalchemy as sa

from tests.faults.client import Answer, call, send
from tests.faults.stack import TOKENS, Stack
from tests.support.signed_in import COOKIE
from webapp.models import Appointment, AppointmentStatusHistory, Contact

HIDDEN = re.compile(r'name="(csrf_token|form_token)"[^>]* value="([^"]+)"')
AHEAD = timedelta(days=30)
TWINS = 4


@dataclass
class Races:
    """What the rounds came to. ``faulty`` counts the rounds in which something was wrong."""

    rounds: int = 0
    faulty: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def count(self, found: list[str], answers: list[Answer]) -> None:
        self.rounds += 1
        self.faulty += bool(found)
        self.faults += found
        self.answers.update(answer.status for answer in answers)


def at_once(calls: list[Callable[[], Answer]]) -> list[Answer]:
    """What each call was answered, all made at the same moment."""
    ready, found = Barrier(len(calls)), list[Answer | None]([None] * len(calls))

    def run(place: int, one: Callable[[], Answer]) -> None:
        ready.wait()
        found[place] = one()

    threads = [Thread(target=run, args=numbered, daemon=True) for numbered in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for answer in found if answer is not None]


def booking(stack: Stack, place: int) -> dict[str, Any]:
    """An appointment of its own quarter of an hour."""
    world = stack.world
    start = stack.now().replace(minute=0, second=0, microsecond=0) + AHEAD + place * timedelta(minutes=15)
    return {
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "start_time": start.isoformat(),
        "end_time": (start + timedelta(minutes=15)).isoformat(),
    }


def of_writers(stack: Stack, rounds: int, writers: int = TOKENS) -> Races:
    """Each round an appointment that half of the writers want to cancel, and half to move elsewhere."""
    races = Races()
    for turn in range(rounds):
        made = call(stack, stack.tokens[0], "POST", "/appointments", booking(stack, turn * (writers + 1)))
        if not made.good:
            races.count([f"a booking was told {made.status} {made.text[:160]}"], [made])
            continue
        number = made.json["appointment_id"]
        acts: list[tuple[str, dict[str, Any]]] = []
        for place in range(writers):
            goal = booking(stack, turn * (writers + 1) + 1 + place)
            move = {"start_time": goal["start_time"], "reason": "Swap"}
            acts += [
                ("cancel", {"reason": "Ill", "cancelled_by": "client"}) if place % 2 else ("reschedule", move)
            ]
        answers = at_once([_act(stack, place, number, *act) for place, act in enumerate(acts)])
        races.count([*_one_winner(answers), *_one_step(stack, number)], answers)
    return races


def _act(stack: Stack, place: int, number: int, word: str, facts: dict[str, Any]) -> Callable[[], Answer]:
    token = stack.tokens[place]
    return lambda: call(stack, token, "POST", f"/appointments/{number}/{word}", facts)


def _one_winner(answers: list[Answer]) -> list[str]:
    """Exactly one was done; every other is a conflict with a sentence that says who was first."""
    found = []
    if (won := sum(answer.good for answer in answers)) != 1:
        found.append(f"{won} writers won")
    for answer in answers:
        if not answer.good and (answer.status != 409 or " " not in answer.json.get("detail", "")):
            found.append(f"a loser was told {answer.status} {answer.text[:160]}")
    return found


def _one_step(stack: Stack, number: int) -> list[str]:
    same = AppointmentStatusHistory.appointment_id == number
    with stack.reader() as session:
        steps = session.scalars(sa.select(AppointmentStatusHistory.sequence).where(same)).all()
        later = session.scalars(sa.select(Appointment).where(Appointment.rescheduled_from_id == number)).all()
    return [] if sorted(steps) == [1, 2] and len(later) < 2 else [f"{number} has the steps {sorted(steps)}"]


def of_bookings(stack: Stack, rounds: int, writers: int = TOKENS) -> Races:
    """Each round all want the same time of the same person."""
    races = Races()
    for turn in range(rounds):
        facts = booking(stack, -1 - turn)
        answers = at_once([_book(stack, place, facts) for place in range(writers)])
        races.count(_one_winner(answers), answers)
    return races


def _book(stack: Stack, place: int, facts: dict[str, Any]) -> Callable[[], Answer]:
    return lambda: call(stack, stack.tokens[place], "POST", "/appointments", facts)


def of_twins(stack: Stack, rounds: int) -> Races:
    """Each round the same request several times at once under one key: one effect, one answer."""
    races = Races()
    for _ in range(rounds):
        name, key = f"Twin {uuid4().hex}", str(uuid4())
        answers = at_once([_add(stack, name, key)] * TWINS)
        found = _one_contact(stack, name)
        if {(answer.status, answer.text) for answer in answers} != {(201, answers[0].text)}:
            found.append(f"twins were answered {sorted(answer.status for answer in answers)}")
        races.count(found, answers)
    return races


def _add(stack: Stack, name: str, key: str) -> Callable[[], Answer]:
    return lambda: call(stack, stack.tokens[0], "POST", "/contacts", {"name": name}, Idempotency_Key=key)


def of_forms(stack: Stack, rounds: int) -> Races:
    """Each round a form of the desk sent several times at once, as by somebody who clicks twice."""
    races = Races()
    for _ in range(rounds):
        name = f"Double {uuid4().hex}"
        cookie = f"{COOKIE}={stack.cookie}"
        page = send(stack.port, "GET", "/contacts/new", Cookie=cookie)
        form = dict(HIDDEN.findall(page.text)) | {"name": name}
        cookies = f"{cookie}; {page.headers['set-cookie'].split(';')[0]}"
        body = urlencode(form).encode()
        kind = "application/x-www-form-urlencoded"
        post = _post(stack.port, body, Cookie=cookies, Content_Type=kind)
        answers = at_once([post] * TWINS)
        found = _one_contact(stack, name)
        if len({answer.headers.get("location") for answer in answers if answer.status == 303}) != 1:
            found.append(f"a form sent twice was answered {[answer.status for answer in answers]}")
        found += [f"a form was answered {answer.status}" for answer in answers if answer.status != 303]
        races.count(found, answers)
    return races


def _post(port: int, body: bytes, **headers: str) -> Callable[[], Answer]:
    return lambda: send(port, "POST", "/contacts/new", body, **headers)


def _one_contact(stack: Stack, name: str) -> list[str]:
    with stack.reader() as session:
        count = session.scalar(sa.select(sa.func.count()).where(Contact.name == name))
    return [] if count == 1 else [f"{name} was added {count} times"]


KINDS: dict[str, Callable[[Stack, int], Races]] = {
    "32 writers, one appointment": of_writers,
    "32 bookings, one slot": of_bookings,
    "4 twins, one key": of_twins,
    "a form sent 4 times": of_forms,
}
