"""Nasty texts in every field of every form, query, body and address: never a fault of the server, and the
same verdict on both engines.

``DAYBOOK_FUZZ`` is the number of requests that each engine gets (``make nightly``: 20,000; else 1,500), from
``DAYBOOK_SEED``; both are printed.
"""

import io
import itertools
import json
import math
import os
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import pytest
from flask import request
from standardwebhooks import Webhook
from werkzeug.exceptions import MethodNotAllowed

from tests.attack.asking import SLOW, Ask, everything, fields_of_forms, filled, routes, visitor
from tests.attack.conftest import Installation
from tests.attack.nasty import TEXTS, VALUES
from tests.factories import NOW
from tests.support.api import API
from tests.support.engines import SECRET_KEY
from webapp.lifecycle import callbacks
from webapp.ui import guards

REQUESTS = int(os.environ.get("DAYBOOK_FUZZ", "1500"))
SEED = int(os.environ.get("DAYBOOK_SEED", "20260113"))
PARTS = 8 if REQUESTS > 5000 else 2
"""Each part is a test of its own, so that several processes share the long form."""
AFRESH = 40
"""Requests after which the databases are put back: what a field does must not hang on all before it."""
SHARES = {
    "form": 0.42,
    "file": 0.03,
    "form as json": 0.03,
    "query": 0.3,
    "json": 0.14,
    "api query": 0.03,
    "api header": 0.02,
    "address": 0.02,
    "hook": 0.02,
}
BARE = {"api.openapi", "api.page"}
"""They read nothing but their address."""
WITH_VALUES = {"json", "hook", "form as json"}
FINE = {501}
"""Not a fault: paper where what draws it is not installed."""


@dataclass(frozen=True)
class Shot:
    """An ask with something nasty in its place."""

    ask: Ask
    value: Any

    def __str__(self) -> str:
        return f"{self.ask.method} {self.ask.path} {self.ask.kind} {self.ask.name}={ascii(self.value)[:80]}"


def shots(asks: list[Ask], count: int, seed: int) -> list[Shot]:
    """So many of all the pairs, every ask of a kind as often as any other (give or take one)."""
    chance, drawn = random.Random(seed), []
    for kind, share in SHARES.items():
        source = "form" if kind in {"file", "form as json"} else kind
        these = [replace(ask, kind=kind) for ask in asks if ask.kind == source]
        chance.shuffle(these)
        pool = (*TEXTS, *VALUES) if kind in WITH_VALUES else TEXTS
        for ask in itertools.islice(itertools.cycle(these), math.ceil(count * share)):
            drawn.append(Shot(ask, chance.choice(pool)))
    chance.shuffle(drawn)
    return drawn[:count]


def fire(installation: Installation, shot: Shot) -> int:
    """Send it and give the status of the answer, which is read to its end."""
    ask, ids = shot.ask, installation.ground.ids
    base = dict(ask.base)
    more: dict[str, Any] = {}
    path = ask.path
    if ask.kind == "address":
        path = path.replace(ask.name, quote(str(shot.value), safe=""), 1)
    elif ask.kind in {"query", "api query"}:
        more["query_string"] = base | {ask.name: shot.value}
    elif ask.kind == "form":
        more["data"] = base | {ask.name: shot.value}
    elif ask.kind == "file":
        content = io.BytesIO(str(shot.value).encode())
        more["data"] = base | {ask.name: (content, "../../x\\y.html", "text/html")}
    elif ask.kind in WITH_VALUES:
        known = {name: ids.get(str(value).strip("{}"), value) for name, value in base.items()}
        more["data"] = json.dumps(known | {ask.name: shot.value})
        more["content_type"] = "application/json"
    headers = _headers(installation, shot, more)
    answer = visitor(installation, ask).open(filled(path, ids), method=ask.method, headers=headers, **more)
    answer.get_data()
    answer.close()
    return answer.status_code


def _headers(installation: Installation, shot: Shot, more: dict[str, Any]) -> dict[str, str]:
    """The token of a program, the signature of a callback, and what is tried in a header."""
    found: dict[str, str] = {}
    if shot.ask.path.startswith(API):
        found["Authorization"] = f"Bearer {installation.ground.bearer}"
    if shot.ask.kind == "api header":
        found[shot.ask.name] = "".join(c for c in str(shot.value) if c.isprintable() and ord(c) < 256)
    if shot.ask.kind == "hook":
        secret = callbacks.secret_of(installation.ground.world.firm.firm_id, key=SECRET_KEY)
        signed = Webhook(secret).sign("msg_1", NOW, more["data"])
        stamp = str(int(NOW.timestamp()))
        found |= {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signed}
    return found


def outcome(both: tuple[Installation, Installation], drawn: list[Shot]) -> tuple[list[str], Counter[int]]:
    """What went wrong, and how often each status was the answer."""
    faults, seen = [], Counter[int]()
    for number, shot in enumerate(drawn):
        if number % AFRESH == 0:
            for each in both:
                each.as_it_was()
        one, other = (fire(each, shot) for each in both)
        seen[one] += 1
        if one != other:
            faults.append(f"{shot}: {one} on SQLite, {other} on PostgreSQL")
        elif one >= 500 and one not in FINE:
            faults.append(f"{shot}: {one}")
    return faults, seen


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_that_is_sent_breaks_the_server_and_both_engines_agree(
    on_both: tuple[Installation, Installation], part: int
) -> None:
    numbers, others = ({k: v for k, v in each.ground.ids.items() if isinstance(v, int)} for each in on_both)
    assert numbers == others, "the two databases are not numbered alike"
    drawn = shots(everything(on_both[0]), REQUESTS, SEED)[part::PARTS]
    print(f"\nseed {SEED}, part {part} of {PARTS}: {len(drawn)} requests to each engine")
    faults, seen = outcome(on_both, drawn)
    print(dict(sorted(seen.items())))
    assert not faults, "\n".join(faults)
    assert {200, 303, 404, 422} <= set(seen)


def test_a_view_that_breaks_on_a_text_is_found_and_so_is_one_that_differs(
    on_both: tuple[Installation, Installation],
) -> None:
    """What the test above must not miss."""
    for each in on_both:

        def breaks(installation: Installation = each) -> tuple[str, int]:
            text = request.args.get("q", "")
            if "\x00" in text:
                raise ValueError("embedded null byte")
            return "", 422 if text == "NaN" and installation.name == "sqlite" else 200

        each.app.add_url_rule("/broken", "broken", guards.public(breaks))
    here = Ask("query", "GET", "/broken", "q")
    texts = ("a", "\x00", "NaN")
    faults, _seen = outcome(on_both, [Shot(here, text) for text in texts])
    assert [fault.rpartition(": ")[2] for fault in faults] == ["500", "422 on SQLite, 200 on PostgreSQL"]


def test_no_field_of_a_form_and_no_route_is_left_out(on_both: tuple[Installation, Installation]) -> None:
    one = on_both[0]
    asks = everything(one)
    matched = one.app.url_map.bind("localhost")
    asked: dict[str, set[str]] = {}
    for ask in asks:
        with suppress(MethodNotAllowed):
            endpoint, _values = matched.match(filled(ask.path, one.ground.ids), method=ask.method)
            asked.setdefault(endpoint, set()).add(ask.name)
    left = {rule.endpoint for rule in routes(one.app) if not rule.rule.endswith(SLOW)} - set(asked)
    assert left == BARE
    for noun, names in fields_of_forms().items():
        tried = set().union(*(found for endpoint, found in asked.items() if endpoint.startswith(f"{noun}.")))
        assert set(names) - {"form_token", "csrf_token"} <= tried, noun
    assert len(asks) > 5_000
