"""Delivering what is due: endpoints side by side in a small pool, each endpoint's webhooks one by one.

No thread waits for another: while one endpoint hangs, the others are looked after. Some threads are kept for
endpoints that did not fail, and each firm has its share of them (``claims.SHARE``), so that any number of
slow ones leaves room. Nothing is open in the database while somebody is spoken to.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery.webhooks import claims, notices, sending
from webapp.delivery.webhooks.claims import Work
from webapp.delivery.webhooks.sending import Answer, Line
from webapp.lifecycle import transaction
from webapp.lifecycle.errors import Unavailable

THREADS = 12
KEPT_FREE = 4  # threads that endpoints which failed the last time do not get
LOOK = 0.25  # seconds until what has become due is noticed, while somebody is spoken to
LONGEST_TURN = 20.0  # seconds after which an endpoint gives way to others
LONGEST_RUN = 600.0  # seconds after which nothing more is claimed

SessionFactory = Callable[[], Session]

log = logging.getLogger(__name__)


@dataclass
class Run:
    """One run over all endpoints. ``timeout`` is in seconds, for one try."""

    session_factory: SessionFactory
    settings: Settings
    now: datetime
    worker: str
    stop: Callable[[], bool]
    timeout: float
    begun: float = field(default_factory=time.monotonic)

    def moment(self) -> datetime:
        """What time it has become."""
        return self.now + timedelta(seconds=time.monotonic() - self.begun)

    def over(self) -> bool:
        return self.stop() or time.monotonic() - self.begun > LONGEST_RUN


def deliver(
    session_factory: SessionFactory,
    *,
    settings: Settings,
    now: datetime,
    worker: str,
    stop: Callable[[], bool] = lambda: False,
    timeout: float = sending.TIMEOUT,
) -> dict[str, int]:
    """Send everything that is due, until nothing is; returns how many were ``delivered`` and ``refused``.

    Args:
        worker: unique among all workers that run.
        stop: asked before each webhook; True ends the run after those in hand.
        timeout: in seconds, for one try.
    """
    run = Run(session_factory, settings, now, worker, stop, timeout)
    done = {"delivered": 0, "refused": 0}
    if not _something_due(run):
        return done
    running: set[Future[tuple[int, int]]] = set()
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks") as pool:
        while True:
            claimed = [] if run.over() else _claim(run, THREADS - len(running))
            running |= {pool.submit(_turn, run, number) for number in claimed}
            if not running:
                return done
            ended, running = wait(running, timeout=LOOK, return_when=FIRST_COMPLETED)
            for future in ended:
                for word, count in zip(done, _result(future), strict=True):
                    done[word] += count


def _something_due(run: Run) -> bool:
    with run.session_factory() as session:
        return claims.any_due(session, run.moment())


def _claim(run: Run, free: int) -> list[int]:
    """Endpoints for the threads that are free, healthy ones before those that failed."""
    if free <= 0 or not _something_due(run):
        return []

    def work() -> list[int]:
        moment = run.moment()
        found = claims.claim(session, run.worker, moment, failing=False, limit=free)
        left = free - len(found) - KEPT_FREE
        if left > 0:
            found += claims.claim(session, run.worker, moment, failing=True, limit=left)
        return found

    with run.session_factory() as session:
        return transaction.run(session, work)


def _result(future: Future[tuple[int, int]]) -> tuple[int, int]:
    """What a turn did. One that broke off leaves a claim that ends by itself."""
    error = future.exception()
    if error is None:
        return future.result()
    log.error("a webhook endpoint’s turn broke off", exc_info=error)
    return 0, 0


def _turn(run: Run, webhook_endpoint_id: int) -> tuple[int, int]:
    """Send one endpoint what it waits for, up to the first failure; returns how many arrived and did not."""
    until = time.monotonic() + LONGEST_TURN
    good = bad = 0
    line: Line | None = None
    work: Work | None = None
    answer: Answer | None = None
    try:
        while True:
            goes_on = bad == 0 and time.monotonic() < until and not run.stop()
            if work is None or answer is None:
                work = _step(run, webhook_endpoint_id, goes_on=goes_on)
            else:
                work = _written(run, webhook_endpoint_id, work, answer, goes_on=goes_on)
            if work is None:
                return good, bad
            line = _line_to(work.url, line, run)
            answer = line.post(work.body, work.headers)
            good, bad = good + answer.good, bad + (not answer.good)
    finally:
        if line is not None:
            line.hang_up()


def _line_to(url: str, before: Line | None, run: Run) -> Line:
    """The open line, or another if the endpoint's address was changed meanwhile."""
    if before is not None and before.url == url:
        return before
    if before is not None:
        before.hang_up()
    return Line(url, run.settings.webhook_networks, timeout=run.timeout)


def _written(
    run: Run, webhook_endpoint_id: int, before: Work, answer: Answer, *, goes_on: bool
) -> Work | None:
    """As :func:`_step`; where that breaks, the try still counts, or the webhook would be sent for ever.

    First without taking the next, which may be what broke it; then as a failure, without what was answered.
    """
    try:
        return _step(run, webhook_endpoint_id, before, answer, goes_on=goes_on)
    except Unavailable:
        raise
    except Exception:
        log.exception("after webhook delivery %s the next cannot be taken", before.webhook_delivery_id)
    try:
        return _step(run, webhook_endpoint_id, before, answer, goes_on=False)
    except Unavailable:
        raise
    except Exception as error:
        log.exception("the answer to webhook delivery %s cannot be kept", before.webhook_delivery_id)
        told = f"Its answer could not be written down: {type(error).__name__}"
    plain = Answer(answer.sent, answer.took, error=told)
    return _step(run, webhook_endpoint_id, before, plain, goes_on=False)


def _step(
    run: Run,
    webhook_endpoint_id: int,
    before: Work | None = None,
    answer: Answer | None = None,
    *,
    goes_on: bool,
) -> Work | None:
    """Write down what came of the last webhook and take the next, in one transaction; None at the end."""

    def work() -> Work | None:
        endpoint = claims.held(session, webhook_endpoint_id, run.worker)
        if endpoint is None:
            return None  # somebody else has it: the claim had ended
        if before is not None and answer is not None:
            why = claims.mark(session, endpoint, before, answer, run.moment())
            if why is not None:
                notices.switched_off(session, endpoint, why, settings=run.settings, now=run.moment())
        following = None
        if goes_on:
            following = claims.following(session, endpoint, run.moment(), key=run.settings.secret_key)
        if following is None:
            claims.release(endpoint)
        session.flush()
        return following

    with run.session_factory() as session:
        return transaction.run(session, work)
