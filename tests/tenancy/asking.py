"""The matrix: every route by every method, every asker, and our own, their, and nobody's numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask
from werkzeug.routing import AnyConverter, Rule
from werkzeug.test import TestResponse

from tests.tenancy.conftest import Installation
from tests.tenancy.ground import ABSENT, NOTHING
from tests.tenancy.table import ROWS, Row
from webapp.api.operations import OPERATIONS
from webapp.vocabulary import PERMISSIONS, SCOPE_PERMISSIONS, Permission, Role, Scope

API, OPEN_API = "api.", {"api.page", "api.openapi"}
OURS, THEIRS, NOBODYS = "ours", "theirs", "nobody's"
UNSTEADY = {"date", "ratelimit-remaining", "x-request-id"}


@dataclass(frozen=True)
class Asker:
    """Who asks: with a session of our firm, with a token of it, with both ways of nobody."""

    name: str
    role: Role | None = None
    bearer: str = ""


BROWSERS = (
    Asker("a viewer", Role.VIEWER),
    Asker("staff", Role.STAFF),
    Asker("a manager", Role.MANAGER),
    Asker("nobody"),
    Asker("a token at the desk", bearer="every scope"),
)
VIEWING = Asker("every scope, a viewer", bearer="every scope, a viewer")
"""Its scopes let it ask for a step; what there is refuses it, and what is not there is not there."""
PROGRAMS = (
    Asker("every scope", bearer="every scope"),
    Asker("another scope"),
    VIEWING,
    Asker("no token"),
    Asker("a manager's session", Role.MANAGER),
)


@dataclass(frozen=True)
class Ask:
    """One check. ``whose`` says of each number in the address whose it is."""

    rule: Rule
    method: str
    asker: Asker
    whose: tuple[str, ...]
    verdict: int
    """What our own is answered with: 0 for what the row says, else the refusal."""

    @property
    def row(self) -> Row:
        return ROWS[self.rule.endpoint]

    @property
    def own(self) -> bool:
        return set(self.whose) <= {OURS}

    @property
    def writes(self) -> bool:
        return self.method not in {"GET", "HEAD"}

    @property
    def key(self) -> tuple[str, str, str]:
        return self.rule.rule, self.method, self.asker.name

    @property
    def expected(self) -> int:
        if self.verdict:
            return self.verdict
        if not self.own:
            return 404
        got = self.row.known if self.row.known and self.asker.role else self.row.got
        return self.row.done if self.writes else got

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule} by {self.asker.name} ({', '.join(self.whose) or 'no number'})"


def routes(app: Flask) -> Iterator[Rule]:
    """Every route that has a row."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in {"static", "attendance.provider"}:
            yield rule


def matrix(app: Flask) -> list[Ask]:
    """Every check."""
    return [ask for rule in routes(app) for ask in _of(app, rule)]


def _of(app: Flask, rule: Rule) -> Iterator[Ask]:
    row = ROWS[rule.endpoint]
    for method in sorted((rule.methods or set()) - {"OPTIONS"}):
        for asker in PROGRAMS if rule.endpoint.startswith(API) else BROWSERS:
            verdict = _verdict(app, rule, asker, method)
            for whose in _numbers(row):
                if row.slow and (verdict == 0 and set(whose) <= {OURS}) and not _once(asker, method):
                    continue
                there = set(whose) <= {OURS} or asker is not VIEWING
                yield Ask(rule, method, asker, whose, verdict if there else 0)


def _once(asker: Asker, method: str) -> bool:
    return asker.role is Role.VIEWER and method == "GET"


def _numbers(row: Row) -> Iterator[tuple[str, ...]]:
    """Whose the numbers are: all ours; then each alone theirs, or nobody's; then all of them."""
    count = len(row.fill)
    yield (OURS,) * count
    other = NOBODYS if row.link else THEIRS
    for whose in dict.fromkeys((other, NOBODYS)):
        for place in range(count):
            yield tuple(whose if at == place else OURS for at in range(count))
        if count > 1:
            yield (whose,) * count


def _verdict(app: Flask, rule: Rule, asker: Asker, method: str) -> int:
    """0 where the asker may, else the status of the refusal."""
    if rule.endpoint.startswith(API):
        return _of_program(rule.endpoint.removeprefix(API), asker)
    permission = app.view_functions[rule.endpoint].permission  # type: ignore[attr-defined]
    if permission is None:
        return 0
    if asker.role is None:
        return 303
    return 0 if Permission(permission) in PERMISSIONS[asker.role] else 403


def _of_program(name: str, asker: Asker) -> int:
    if f"{API}{name}" in OPEN_API:
        return 0
    if asker.name in {"no token", "a manager's session"}:
        return 401
    if asker.name == "another scope":
        return 403
    needed = SCOPE_PERMISSIONS[scope_of(name)]
    return 0 if asker.name == "every scope" or needed <= PERMISSIONS[Role.VIEWER] else 403


@cache
def scope_of(name: str) -> Scope:
    return next(each.scope for each in OPERATIONS if each.name == name)


def address(app: Flask, ask: Ask, installation: Installation) -> str:
    """The route's address with the numbers filled in, and its query."""
    row, ours, theirs = ask.row, installation.ours, installation.theirs
    values: dict[str, Any] = dict(row.fixed)
    for (name, thing), whose in zip(row.fill.items(), ask.whose, strict=True):
        kept = _own(thing, ask.asker)
        nobodys: Any = NOTHING if row.link else ABSENT
        values[name] = {OURS: ours.ids[kept], THEIRS: theirs.ids[kept], NOBODYS: nobodys}[whose]
    for name, converter in ask.rule._converters.items():
        if isinstance(converter, AnyConverter):
            values.setdefault(name, min(converter.items))
    missing = ask.rule.arguments - set(values) - set(ask.rule.defaults or {})
    assert not missing, f"{ask.rule.endpoint}: its row does not fill {', '.join(missing)}"
    with app.test_request_context():
        built = ask.rule.build(values)
    assert built is not None, ask.rule.rule
    query = row.query.format(**ours.ids)
    return f"{built[1]}?{query}" if query else built[1]


def _own(thing: str, asker: Asker) -> str:
    """A feed is its maker's alone."""
    return f"feed of {(asker.role or Role.MANAGER).value}" if thing == "own feed" else thing


def answer(installation: Installation, ask: Ask) -> TestResponse:
    """Ask, and read the whole answer."""
    browser = installation.visitor(ask.asker.role)
    bearer = _bearer(ask)
    headers = {"Authorization": f"Bearer {installation.ours.bearers[bearer]}"} if bearer else {}
    more: dict[str, Any] = {}
    if ask.writes:
        body = ask.row.body(installation.ours)
        more = {"json": body} if ask.rule.endpoint.startswith(API) else {"data": body}
    found = browser.open(
        address(installation.app, ask, installation), method=ask.method, headers=headers, **more
    )
    found.get_data()
    found.close()
    return found


def _bearer(ask: Ask) -> str:
    if ask.asker.name != "another scope":
        return ask.asker.bearer
    name = ask.rule.endpoint.removeprefix(API)
    reads = f"{API}{name}" not in OPEN_API and scope_of(name) is Scope.APPOINTMENTS_READ
    return "reads clients" if reads else "reads appointments"


def seen(found: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """All that a visitor gets to see of an answer, but for the time of day, what a token has left, and the
    address that was asked for.
    """
    asked = found.request.path
    headers = [
        (name, value.replace(asked, "")) for name, value in found.headers if name.lower() not in UNSTEADY
    ]
    return found.status_code, sorted(headers), found.data.replace(asked.encode(), b"")
