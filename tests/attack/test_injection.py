"""Texts with line ends, formulas and templates in them, through everything that leaves the house as a file.

What is written with them must have the shape of what is written with harmless ones.
"""

import csv
import email
import io
import logging
import re
from collections.abc import Callable, Iterator
from email.policy import SMTP
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from tests.attack.asking import addresses, filled, routes
from tests.attack.conftest import Installation, on_sqlite
from tests.attack.ground import Say, plain
from tests.factories import NOW
from webapp.delivery import events
from webapp.extensions import db
from webapp.lifecycle import log_lines

LINES = "x\r\nX-Evil: 1\r\nEND:VEVENT\nX-EVIL:1"
FORMULA = "=cmd|' /C calc'!A0"
TEMPLATE = "{{7*191}}{% include 'x' %}${7*191}"
COMPUTED = "1337"
RISKY = re.compile(r"\s*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"-?\d+(\.\d+)?%?")

MAILED = {"email", "address"}
UNIQUE = ("reference", "old type")

Install = Callable[[Say], Installation]


def hostile(text: str) -> Say:
    """The text in every field but those that mail goes by."""

    def say(name: str) -> str:
        if name in MAILED:
            return "ada@client.example"
        return f"{text} {name}" if name.startswith(UNIQUE) else text[:60]

    return say


@pytest.fixture
def install(standing_clock: None, sqlite_template: Path, tmp_path: Path) -> Iterator[Install]:
    """The firm with these texts, its mail written."""
    made: list[Installation] = []

    def installed(say: Say) -> Installation:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        installation = on_sqlite(sqlite_template, folder, say)
        made.append(installation)
        with installation.app.app_context():
            engine, settings = db.engine, installation.app.config["SETTINGS"]
        while events.handle(lambda: Session(engine), settings=settings, now=NOW, worker="w", limit=200):
            pass
        return installation

    yield installed
    for each in made:
        each.close()


def harmless(name: str) -> str:
    return "ada@client.example" if name in MAILED else plain(name)


def files(installation: Installation, *endings: str) -> Iterator[tuple[str, bytes]]:
    """Every file of these kinds with its address, those of the mails among them."""
    ids = installation.ground.ids
    browser = installation.browser()
    asked = {
        filled(path, ids)
        for rule in routes(installation.app)
        if rule.rule.endswith(endings)
        for path in addresses(installation.app, rule)
    }
    if ".eml" in endings or ".ics" in endings:
        asked |= {f"/outbox/{ids['mail'] + n}{ending}" for n in range(30) for ending in endings}
    for path in sorted(asked):
        answer = browser.get(path)
        assert answer.status_code < 500, path
        if answer.status_code == 200:
            yield path, answer.data


def test_no_cell_of_any_table_is_taken_for_a_formula_and_no_row_falls_apart(install: Install) -> None:
    for text in (LINES, "\t" + FORMULA, "\r" + FORMULA, '"' + FORMULA, FORMULA.replace("=", "@")):
        seen = 0
        for path, content in files(install(hostile(text)), ".csv"):
            found = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
            assert len({len(row) for row in found}) == 1, path
            cells = [cell for row in found for cell in row]
            assert not [cell for cell in cells if RISKY.match(cell) and not NUMBER.fullmatch(cell)], path
            seen += sum("calc" in cell or "Evil" in cell for cell in cells)
        assert seen > 100


def names_in_calendar(content: bytes) -> list[str]:
    """The names of all lines, unfolded (RFC 5545), in order."""
    text = content.decode()
    assert not re.search(r"(?<!\r)\n|\r(?!\n)", text)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    lines = text.replace("\r\n ", "").split("\r\n")
    return [re.split("[:;]", line, maxsplit=1)[0] for line in lines]


def test_no_calendar_gets_a_line_of_its_own_from_a_text(install: Install) -> None:
    expected = {kind: names_in_calendar(file) for kind, file in same_names(install(harmless), ".ics")}
    found = {kind: names_in_calendar(file) for kind, file in same_names(install(hostile(LINES)), ".ics")}
    assert len(expected) > 8
    assert found == expected


def same_names(installation: Installation, ending: str) -> Iterator[tuple[str, bytes]]:
    """The files by address, without what differs from one installation to the next."""
    link = installation.ground.ids["feed_link"]
    for path, content in files(installation, ending):
        yield path.replace(link, "feed"), content


def test_no_mail_gets_a_header_or_a_recipient_from_a_text(install: Install) -> None:
    def heads(installation: Installation) -> dict[str, list[str]]:
        return {
            path: [
                name
                for part in email.message_from_bytes(content, policy=SMTP).walk()
                for name in part.keys()  # noqa: SIM118 - of a message, a list with what stands twice
            ]
            for path, content in files(installation, ".eml")
        }

    expected, found = heads(install(harmless)), heads(install(hostile(LINES)))
    assert len(expected) > 5
    assert found == expected
    for _path, content in files(install(hostile("a@evil.example, b")), ".eml"):
        mail = email.message_from_bytes(content, policy=SMTP)
        (to,) = mail["To"].addresses
        assert to.addr_spec.endswith(".example")
        assert "evil" not in to.addr_spec


def test_no_answer_gets_a_header_from_a_text_or_from_an_address(install: Install) -> None:
    installation = install(hostile(LINES))
    browser, seen = installation.browser(), 0
    for rule in routes(installation.app):
        if "GET" not in (rule.methods or set()) or rule.rule.endswith(".pdf"):
            continue
        for path in addresses(installation.app, rule)[:1]:
            query = "?q=a%0d%0aX-Evil:%201&next=/%0d%0aX-Evil:1&back=%0aX-Evil:1&as_of=%0aX-Evil:1"
            for address in (path, path + query):
                answer = browser.get(filled(address, installation.ground.ids))
                body = answer.get_data()
                answer.close()
                kind = answer.headers.get("Content-Type", "")
                assert not body or "charset=utf-8" in kind or not kind.startswith("text/"), (address, kind)
                assert not body or kind, address
                assert "access-control-allow-origin" not in {name.lower() for name, _value in answer.headers}
                assert answer.status_code < 500, address
                assert "x-evil" not in {name.lower() for name, _value in answer.headers}, address
                assert not [value for _name, value in answer.headers if re.search("[\r\n\x00]", value)]
                seen += 1
    assert seen > 200


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_of_a_log_stays_one_line(as_json: bool) -> None:
    for text in (LINES, "a\x0b\x0c\x1c\x85\u2028\u2029b", "a\r\n2026-01-13 ERROR forged"):
        record = logging.LogRecord("daybook", logging.INFO, "x", 1, "%s", (text,), None)
        assert len(log_lines.formatter(as_json=as_json).format(record).splitlines()) == 1


def test_no_text_is_read_as_a_template(install: Install) -> None:
    installation = install(hostile(TEMPLATE))
    browser, shown = installation.browser(), 0
    for rule in routes(installation.app):
        if "GET" not in (rule.methods or set()) or rule.rule.endswith(".pdf"):
            continue
        for path in addresses(installation.app, rule):
            text = browser.get(filled(path, installation.ground.ids)).text
            assert COMPUTED not in text, path
            shown += "{{7*191}}" in text
    for path, content in files(installation, ".eml", ".ics"):
        assert COMPUTED.encode() not in content, path
    assert shown > 50
