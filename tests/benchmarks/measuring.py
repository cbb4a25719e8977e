"""Times of pages beside what they cannot do without, and how they grow with what a firm has."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any

import sqlalchemy as sa
import time_machine
from flask import Flask, template_rendered
from jinja2 import Template
from sqlalchemy import Engine
from werkzeug.test import create_environ

from tests.factories import NOW
from tests.support.desks import Desk
from tests.support.signed_in import COOKIE
from tests.support.statements import Statement

RUNS = 20
WARM = 3


@dataclass(frozen=True)
class Times:
    """Medians in milliseconds.

    ``ratio`` is of whole / floor and ``growth`` of whole / the smallest firm's whole, taken run by run.
    """

    whole: float
    floor: float
    ratio: float
    growth: float


@dataclass(frozen=True)
class Probe:
    """A page of one desk: the whole answer, its SQL and its template alone; what it asked, how long it is."""

    page: Callable[[], object]
    sql: Callable[[], object]
    template: Callable[[], object]
    statements: int
    size: int


def grown(works: Mapping[int, Callable[[], tuple[float, float]]], runs: int = RUNS) -> dict[int, Times]:
    """All sizes one after the other, again and again, so that a busy machine hits each of them.

    Each of the works gives the milliseconds of the whole and of its floor.
    """
    for _ in range(WARM):
        for work in works.values():
            work()
    found = [{size: work() for size, work in works.items()} for _ in range(runs)]
    least = min(works)
    return {
        size: Times(
            whole=median(run[size][0] for run in found),
            floor=median(run[size][1] for run in found),
            ratio=median(run[size][0] / run[size][1] for run in found),
            growth=median(run[size][0] / run[least][0] for run in found),
        )
        for size in works
    }


@contextmanager
def probe(desk: Desk, path: str) -> Iterator[Probe]:
    """A page, ready to be measured. The template is rendered in a context of its own."""
    app, environ = desk.app, _environ(desk, path)
    asked = desk.statements(path)
    size = len(_answer(app, environ))
    template, context = _rendered(app, environ)
    sql, close = _replay(desk, asked)
    inside, request = copy_context(), app.request_context(dict(environ))
    inside.run(request.push)
    inside.run(app.preprocess_request)
    try:
        yield Probe(
            page=lambda: _answer(app, environ),
            sql=sql,
            template=lambda: inside.run(template.render, context),
            statements=len(asked),
            size=size,
        )
    finally:
        inside.run(request.pop)
        close()


def timed_parts(page: Probe) -> tuple[float, float]:
    """The whole, and its SQL and its template together."""
    whole = _timed(page.page)
    return whole, _timed(page.sql) + _timed(page.template)


@contextmanager
def in_database(engine: Engine) -> Iterator[list[float]]:
    """Seconds that statements and commits of an engine take meanwhile, one number each."""
    spent: list[float] = []
    dialect: Any = engine.dialect
    commit = dialect.do_commit

    def before(_connection: Any, _cursor: Any, *_more: Any) -> None:
        spent.append(-perf_counter())

    def after(_connection: Any, _cursor: Any, *_more: Any) -> None:
        spent[-1] += perf_counter()

    def committing(connection: Any) -> None:
        begun = perf_counter()
        commit(connection)
        spent.append(perf_counter() - begun)

    sa.event.listen(engine, "before_cursor_execute", before)
    sa.event.listen(engine, "after_cursor_execute", after)
    dialect.do_commit = committing
    try:
        yield spent
    finally:
        dialect.do_commit = commit
        sa.event.remove(engine, "before_cursor_execute", before)
        sa.event.remove(engine, "after_cursor_execute", after)


def beside_database(engine: Engine, work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of the work, and of the part of it that the database took, commits included."""
    with in_database(engine) as spent:
        whole = _timed(work)
    return whole, max(sum(spent) * 1000, 0.001)


def _environ(desk: Desk, path: str) -> dict[str, Any]:
    return create_environ(path, headers={"Cookie": f"{COOKIE}={desk.cookie}"})


def _answer(app: Flask, environ: dict[str, Any]) -> bytes:
    """What the server does for a request, without a client around it."""
    chunks = app(dict(environ), lambda _status, _headers, _error=None: lambda _data: None)
    body = b"".join(chunks)
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
    return body


def _rendered(app: Flask, environ: dict[str, Any]) -> tuple[Template, dict[str, Any]]:
    """The page's template with the context it was rendered in."""
    found: list[tuple[Template, dict[str, Any]]] = []

    def keep(_app: Flask, template: Template, context: dict[str, Any], **_more: Any) -> None:
        found.append((template, context))

    with template_rendered.connected_to(keep, app):
        _answer(app, environ)
    return found[-1]


def _replay(desk: Desk, asked: list[Statement]) -> tuple[Callable[[], None], Callable[[], None]]:
    """The page's statements on the bare driver, all rows fetched, in one transaction as the page has it."""
    pooled = desk.engine.raw_connection()
    sqlite = desk.engine.dialect.name == "sqlite"

    def run() -> None:
        cursor = pooled.cursor()
        if sqlite:
            cursor.execute("BEGIN")
        for statement in asked:
            cursor.execute(statement.sql, statement.parameters)
            cursor.fetchall()
        pooled.commit()  # like a page; psycopg forgets what it prepared at a rollback
        cursor.close()

    return run, pooled.close


def _timed(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return (perf_counter() - start) * 1000


def timed(desk: Desk, work: Callable[[], object]) -> float:
    """Milliseconds: of the processor where all is done in this process, which others then do not disturb."""
    clock = process_time if desk.engine.dialect.name == "sqlite" else perf_counter
    start = clock()
    work()
    return (clock() - start) * 1000


@contextmanager
def at_noon() -> Iterator[None]:
    """The clock stands where the firms' clock does."""
    with time_machine.travel(NOW, tick=False):
        yield
