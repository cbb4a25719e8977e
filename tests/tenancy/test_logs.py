"""Every route asked, with a firm full of marked texts: none of them is ever written into the log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tests.tenancy.asking import BROWSERS, OURS, Ask, address, routes
from tests.tenancy.conftest import Installation
from tests.tenancy.table import ROWS
from webapp.lifecycle.log_lines import JsonLine
from webapp.vocabulary import Role


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the application's loggers say meanwhile, as JSON."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLine())
    loggers = [logging.getLogger(name) for name in ("daybook", "webapp")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    yield text
    for logger, level in zip(loggers, before, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_no_text_of_anybody_is_in_the_log(both: Installation, written: io.StringIO) -> None:
    both.as_it_was()
    manager = next(asker for asker in BROWSERS if asker.role is Role.MANAGER)
    mark, browser = both.ours.mark, both.visitor(Role.MANAGER)
    token = both.ours.bearers["every scope"]
    for rule in routes(both.app):
        row = ROWS[rule.endpoint]
        for method in sorted((rule.methods or set()) & {"GET", "POST", "PATCH"}):
            here = address(both.app, Ask(rule, method, manager, (OURS,) * len(row.fill), 0), both)
            headers = {"Authorization": f"Bearer {token}", "Referer": f"/search?q={mark}"}
            body = {"data": {"name": mark, **row.body(both.ours)}} if method != "GET" else {}
            asked = "" if "?" in here else f"?q={mark}&email=ada.{mark}@client.example"
            browser.open(here + asked, method=method, headers=headers, **body).close()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    both.as_it_was()
    assert len({line.get("route") for line in lines}) > 150
    assert all("request_id" in line for line in lines)
    log = written.getvalue().lower()
    secrets = [mark, token, "@client.example", *_links(both)]
    assert [secret for secret in secrets if secret.lower() in log] == []


def _links(one: Installation) -> list[str]:
    """What opens something for whoever has it: the longest words that fill an address."""
    return [value for value in one.ours.ids.values() if isinstance(value, str) and len(value) > 30]
