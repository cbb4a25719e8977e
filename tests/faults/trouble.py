"""What goes wrong around the processes: a locked, absent or full database, bad receivers, a clock that jumps.

Each scenario returns what it found wrong, as sentences.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from tests.faults import checks, races
from tests.faults.client import Answer, Ledger, call, load, send
from tests.faults.stack import LEASES_END, LOOPBACK, Stack
from tests.support.receiver import HANG, Receiver, Reply, receiver
from tests.support.signed_in import COOKIE
from tests.support.smtp import DROP, FLOOD, closed_port
from webapp.lifecycle import recording, webhooks
from webapp.lifecycle.recording import Imported
from webapp.models import Appointment, SweepHold
from webapp.vocabulary import Status

SLOWEST = 20.0  # seconds until somebody is told that the database does not answer
MOST_MEMORY = 300  # MB of a worker whose receivers send too much
HUGE = b"x" * 20_000_000
WHILE = 1.5  # seconds of load in trouble
LOCKS = {
    "sqlite": "BEGIN EXCLUSIVE",
    "postgresql": "LOCK TABLE appointment, api_token, submission IN ACCESS EXCLUSIVE MODE",
}


def _told(answer: Answer, where: str) -> list[str]:
    """503, when to try again, and a sentence: anything else is a fault."""
    if answer.status != 503 or not answer.headers.get("retry-after"):
        return [f"{where} answered {answer.status} {answer.text[:200]}"]
    return [] if "othing was saved" in answer.text else [f"{where} did not say that nothing was saved"]


def _twice(stack: Stack, when_bad: Callable[[str, dict[str, Any]], list[str]], heal: Any) -> list[str]:
    """A booking that is refused in trouble and taken afterwards, under the same key."""
    stack.loads += 1
    key, facts = str(uuid4()), races.booking(stack, -500 - stack.loads)
    found = when_bad(key, facts)
    heal()
    stack.wait_until_back()
    answer = call(stack, stack.tokens[0], "POST", "/appointments", facts, Idempotency_Key=key)
    return found if answer.status == 201 else [*found, f"afterwards a booking is {answer.status}"]


def locked(stack: Stack) -> list[str]:
    """Somebody holds the database longer than anybody waits for it."""
    holder = stack.engine.raw_connection()
    cursor = holder.cursor()

    def bad(key: str, facts: dict[str, Any]) -> list[str]:
        cursor.execute(LOCKS[stack.name])
        begun = time.monotonic()
        first, form = races.at_once(
            [
                lambda: call(stack, stack.tokens[0], "POST", "/appointments", facts, Idempotency_Key=key),
                lambda: send(
                    stack.port, "POST", "/sign-in", b"", Content_Type="application/x-www-form-urlencoded"
                ),
            ]
        )
        took = time.monotonic() - begun
        found = _told(first, "the API")
        found += [f"the desk broke with {form.status}"] if form.status == 500 else []
        return [*found, f"it took {took:.0f} s to be told"] if took > SLOWEST else found

    def heal() -> None:
        holder.rollback()
        holder.close()

    return _twice(stack, bad, heal)


def gone(stack: Stack) -> list[str]:
    """The server is away and comes back; nobody restarts the site or the worker."""
    assert stack.cluster is not None
    cookie = f"{COOKIE}={stack.cookie}"
    processes = (stack.site.pid, stack.at_work[0].pid)

    def bad(key: str, facts: dict[str, Any]) -> list[str]:
        assert stack.cluster is not None
        stack.cluster.kill()
        token = stack.tokens[0]
        found = _told(call(stack, token, "POST", "/appointments", facts, Idempotency_Key=key), "a booking")
        found += _told(call(stack, token, "GET", "/appointments"), "the list")
        found += _told(send(stack.port, "GET", "/day", Cookie=cookie), "the board")
        alive, ready = stack.ask("/healthz"), stack.ask("/readyz")
        return found if (alive, ready) == (200, 503) else [*found, f"healthz {alive}, readyz {ready}"]

    found = _twice(stack, bad, stack.cluster.start)
    if processes != (stack.site.pid, stack.at_work[0].pid) or stack.at_work[0].poll() is not None:
        found.append("a process had to be started again")
    return found


def fill(disk: Path) -> Path:
    """A file that takes all that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for piece in (2**20, 2**12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(piece))
    return filler


def full(stack: Stack, disk: Path) -> list[str]:
    """The disk is full for a while under load, and then has room again."""
    with load(stack, 7) as at_work:
        time.sleep(WHILE / 3)
        filler = fill(disk)
        stack.wait_for(lambda: at_work.ledger.put_off > 3, "a full disk is no trouble")
        time.sleep(WHILE / 3)
        filler.unlink()
        done = at_work.ledger.acknowledged
        stack.wait_for(lambda: at_work.ledger.acknowledged > done + 3, "it does not go on afterwards")
        at_work.pause()
        return checks.everything(stack, at_work.ledger)


def outside(stack: Stack) -> list[str]:
    """Mail server and webhook endpoints are dead, hang and say too much, and recover."""
    checks.drain(stack)
    stack.collect()
    dead, before = closed_port(), set(stack.post.heard.seen)
    with receiver() as hung, receiver() as huge:
        hung.always(how=HANG)
        huge.always(body=HUGE)
        with _endpoints(stack, [hung.url, huge.url, f"http://127.0.0.1:{dead}/hooks"]):
            ledger = _load_without_mail(stack)
            steps = ledger.acknowledged - ledger.notes
            found = [] if steps > 5 else [f"with bad receivers only {steps} steps were taken"]
            stack.wait_for(lambda: len(set(stack.hooks.ids)) >= steps, "the good endpoint is kept waiting")
            if (memory := _memory(stack.at_work[0].pid)) > MOST_MEMORY:
                found.append(f"the worker takes {memory} MB")
            hung.answer = huge.answer = lambda _taken: Reply()
            hung.closing.set()
            with receiver(port=dead) as late:
                _settle(stack)
                found += checks.everything(stack, ledger)
                known = stack.post.heard.seen - before
                named = {"who hung": hung, "who said too much": huge, "who was dead": late}
                found += [f"{name} missed webhooks" for name, each in named.items() if _misses(each, known)]
    return found


def _load_without_mail(stack: Stack) -> Ledger:
    """Some load while the mail server hangs up, and while it does not stop talking."""
    with load(stack, 8, number=2) as at_work:
        for trouble in (DROP, FLOOD):
            stack.mail.replies["CONNECT"] = trouble
            time.sleep(WHILE)
    stack.mail.replies.clear()
    return at_work.ledger


@contextlib.contextmanager
def _endpoints(stack: Stack, urls: list[str]) -> Iterator[None]:
    """More endpoints, removed at the end."""
    manager, made = stack.world.acting(stack.world.manager), []
    with stack.writer() as session:
        for url in urls:
            facts = webhooks.checked(webhooks.Facts(url=url), networks=(LOOPBACK,))
            made.append(webhooks.create(session, actor=manager, facts=facts, now=stack.now()))
        session.commit()
    yield
    with stack.writer() as session:
        for each in made:
            webhooks.remove(session, each.webhook_endpoint_id, actor=manager, now=stack.now())
        session.commit()


def _misses(each: Receiver, told: set[str]) -> bool:
    """Whether one of these webhooks did not come, all of which the good endpoint got."""
    return not told <= set(each.ids)


def _memory(number: int) -> int:
    """The most memory that a process ever had, in MB."""
    text = Path(f"/proc/{number}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) // 1024


def _settle(stack: Stack) -> None:
    """Let time pass until what was put off has been tried again."""
    for _ in range(60):
        if not checks.waiting(stack):
            break
        stack.pass_(LEASES_END)
        time.sleep(0.5)


def clocks(stack: Stack) -> list[str]:
    """The machine's clock jumps by an hour and by a day, ahead and back, under load."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    soon, late = (_imported(stack, stack.now() + span) for span in (timedelta(minutes=-30), 6 * hour))
    for number in (soon, late):
        stack.post.heard.known[number] = {"sequence": 1, "to_status": Status.CONFIRMED.value}
    with load(stack, 9) as at_work:
        stack.wait_for(lambda: _swept(stack), "nobody sweeps")
        stack.pass_(hour)
        stack.wait_for(lambda: _status(stack, soon) is Status.COMPLETED, "what is over is not completed")
        for span in (-hour, day, -day):
            time.sleep(WHILE / 2)
            stack.pass_(span)
            if span == day:
                stack.wait_for(lambda: _held(stack), "a clock a day ahead is believed")
        time.sleep(WHILE / 2)
        at_work.pause()
    states = [_status(stack, number) for number in (soon, late)]
    found = [] if states == [Status.COMPLETED, Status.CONFIRMED] else [f"the meetings are {states}"]
    for _ in range(5):  # what was written under the clock that ran ahead is due when it says
        stack.pass_(day / 4)
        stack.wait_for(lambda: _swept(stack), "nobody sweeps")
    return [*found, *checks.everything(stack, at_work.ledger)]


def _imported(stack: Stack, end: datetime) -> int:
    """A confirmed meeting that ends then, brought over from elsewhere: nobody is told of it."""
    world, start = stack.world, end - timedelta(minutes=15)
    reference = f"old-{end.timestamp()}"
    row = Imported(
        external_ref=reference,
        appointment_type_id=world.kind.appointment_type_id,
        staff_user_id=world.staff.staff_user_id,
        contact_id=world.contact.contact_id,
        account_id=None,
        start_time=start,
        end_time=end,
        status=Status.CONFIRMED,
        no_show_party=None,
        cancelled_by=None,
        created_at=start - timedelta(days=1),
        occurred_at=start - timedelta(days=1),
        overbooked=False,
        location="",
        notes="",
        reason="Imported",
    )
    with stack.writer() as session:
        recording.bulk_import(session, [row], actor=world.system, now=stack.now())
        session.commit()
        return session.scalars(sa.select(Appointment.appointment_id).filter_by(external_ref=reference)).one()


def _status(stack: Stack, number: int) -> Status:
    with stack.reader() as session:
        return session.get_one(Appointment, number).status


def _swept(stack: Stack) -> bool:
    return '"worker":{"ok":true' in send(stack.port, "GET", "/readyz").text.replace(" ", "").replace("\n", "")


def _held(stack: Stack) -> bool:
    with stack.reader() as session:
        return session.scalar(sa.select(sa.func.count()).where(SweepHold.why == "clock")) == 1
