"""SECURITY.md says what the code does, and requirements.txt what it stands on."""

import ast
import re
import tomllib
from datetime import timedelta
from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.attack.test_asvs import HASHES, ROOT
from tests.support.habits import modules
from webapp.api.operations import MAX_BODY as API_BODY
from webapp.app import MAX_BODY
from webapp.lifecycle import (
    access,
    feeds,
    invitations,
    passwords,
    throttle,
    tokens,
    webhook_replays,
    webhooks,
)
from webapp.lifecycle.polls import base as polls
from webapp.ui.papers import PDF_ROWS
from webapp.vocabulary import PERMISSIONS, Permission, Role

TEXT = (ROOT / "SECURITY.md").read_text("utf-8")
PROSE = " ".join(TEXT.split())


def part(heading: str) -> str:
    """What stands below a heading."""
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of the heading's table, without its head."""
    lines = [line for line in part(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def hours(span: timedelta) -> int:
    return round(span / timedelta(hours=1))


def test_who_may_do_what_is_the_table_of_permissions() -> None:
    says = {row[0]: row[1:] for row in rows("Who may do what")}
    assert says == {
        each.value: ["yes" if each in PERMISSIONS[role] else "no" for role in Role] for each in Permission
    }


@pytest.mark.parametrize(
    "said",
    [
        f"{throttle.PER_EMAIL} wrong tries per e-mail address and {throttle.PER_ADDRESS} per network",
        f"in {round(throttle.WINDOW / timedelta(minutes=1))} minutes, then a wait and never a lock",
        "The present password at Preferences counts the same.",
    ],
)
def test_what_limits_guessing(said: str) -> None:
    assert said in PROSE


@pytest.mark.parametrize(
    "said",
    [
        f"{passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters, argon2id",
        "Refused: the name of the person, the address and its parts, the firm's name;",
        f"{len(passwords.COMMON)} stems such as `appointment` and `daybook`",
    ],
)
def test_what_a_password_may_be(said: str) -> None:
    assert said in PROSE
    assert {"appointment", "daybook"} <= passwords.COMMON


@pytest.mark.parametrize(
    "said",
    [
        f"{hours(access.IDLE)} idle hours; {access.ABSOLUTE.days} days;",
        f"after {hours(invitations.VALID)} hours, its first use",
        "any number at once, each listed at Preferences",
    ],
)
def test_how_long_a_way_in_is_open(said: str) -> None:
    assert said in PROSE


def test_every_way_in_has_its_strength_and_its_end() -> None:
    ways = {row[0]: row[1:] for row in rows("Ways in")}
    assert len(ways) == 8
    assert all(all(cells) for cells in ways.values())


def test_what_is_limited() -> None:
    assert {row[0]: row[1] for row in rows("Limits")} == {
        "a request": f"{MAX_BODY // 1024:,} KiB; of the API {API_BODY // 1024} KiB",
        "API calls": f"{tokens.PER_MINUTE} a minute for each token",
        "API tokens, webhook endpoints of a firm; feeds of a person": (
            f"{tokens.MOST}, {webhooks.MOST}; {feeds.MOST}"
        ),
        "times, invitees of a poll": f"{polls.MOST_SLOTS}, {polls.MOST_INVITEES}",
        "one replay of webhooks": f"{webhook_replays.MOST:,} events",
        "rows of a PDF": str(PDF_ROWS),
    }
    assert "**Costly** are PDF files" in part("Limits")


def test_every_connection_and_every_secret_of_the_settings_is_listed() -> None:
    read = set(re.findall(r'"((?:DAYBOOK_\w+|\w+_URL|SECRET_KEY))"', (ROOT / "webapp/config.py").read_text()))
    connecting = {name for name in read if name.endswith(("_URL", "_NETWORKS", "_PROXIES", "_TLS"))}
    connecting -= {"BASE_URL"}  # where the installation is, not where it goes
    secret = {name for name in read if name.endswith(("_KEY", "_TOKEN"))}
    assert {name for name in connecting if f"`{name}`" not in part("Connections")} == set()
    assert {row[0].strip("`") for row in rows("Keys and algorithms")} == secret


def test_the_algorithms_are_those_of_the_code() -> None:
    told = part("Keys and algorithms")
    assert {"sha256"} == HASHES
    assert all(name in told for name in ("Argon2id", "SHA-256", "HMAC-SHA-256", "Ed25519"))
    assert "19 MiB, 2 passes" in told
    made = passwords.make_hash("three words here")
    assert made.startswith("$argon2id$v=19$m=19456,t=2,")


def test_data_has_classes_with_rules() -> None:
    classes = rows("Data")
    assert [row[0] for row in classes] == ["credentials", "personal", "words", "the rest"]
    assert all(all(row) for row in classes)


def test_every_logger_is_listed() -> None:
    named = {
        node.args[0].value
        for module in modules("webapp")
        for node in ast.walk(ast.parse(module.text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "getLogger"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    listed = {row[0].strip("`") for row in rows("Logs")}
    assert {f"{name}" for name in named if str(name).startswith("daybook.")} == listed - {"webapp.…"}


def test_every_component_is_in_the_list_of_pins() -> None:
    """What Daybook needs, and what that needs in turn, as it is installed here."""
    pins = {
        canonicalize_name(Requirement(line).name)
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ahead = [*project["dependencies"], *project["optional-dependencies"]["pdf"]]
    needed: set[str] = set()
    while ahead:
        wanted = Requirement(ahead.pop())
        name = canonicalize_name(wanted.name)
        extras = [{"extra": extra} for extra in (*wanted.extras, "")]
        if name not in needed and any(not wanted.marker or wanted.marker.evaluate(each) for each in extras):
            needed.add(name)
            ahead += [
                each
                for each in requires(name) or []
                if any(not (marker := Requirement(each).marker) or marker.evaluate(extra) for extra in extras)
            ]
    assert len(needed) > 30
    assert needed - pins == set()
