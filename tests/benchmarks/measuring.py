"""Times of a page and of what it cannot do without: its SQL alone, its template alone."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import Any

import time_machine
from flask import Flask, template_rendered
from jinja2 import Template
from werkzeug.test import create_environ

from tests.factories import NOW
from tests.support.desks import Desk
from tests.support.signed_in import COOKIE
from tests.support.statements import Statement

RUNS = 60


@dataclass(frozen=True)
class Times:
    """Medians in milliseconds; ``ratio`` is the median of page / (SQL + template) of each run."""

    page: float
    sql: float
    template: float
    ratio: float
    statements: int
    size: int


def measure(desk: Desk, path: str, *, runs: int = RUNS) -> Times:
    """Page, SQL and template one after the other, again and again, so that a busy machine hits all three."""
    app, environ = desk.app, _environ(desk, path)
    with time_machine.travel(NOW, tick=False):
        asked = desk.statements(path)
        size = len(_answer(app, environ))
        template, context = _rendered(app, environ)
        sql, close = _replay(desk, asked)
        with app.request_context(dict(environ)):
            app.preprocess_request()
            template.render(context)
            times = [
                (
                    _timed(lambda: _answer(app, environ)),
                    _timed(sql),
                    _timed(lambda: template.render(context)),
                )
                for _ in range(runs)
            ]
        close()
    return Times(
        page=median(page for page, _, _ in times),
        sql=median(sql for _, sql, _ in times),
        template=median(template for _, _, template in times),
        ratio=median(page / (sql + template) for page, sql, template in times),
        statements=len(asked),
        size=size,
    )


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
