"""The answers to OWASP's verification standard: complete, and each pass with a test that is there."""

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.habits import modules

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = tomllib.loads((Path(__file__).parent / "asvs.toml").read_text())
LEVELS = {1: 70, 2: 183}
CHAPTERS = {
    1: 27, 2: 11, 3: 19, 4: 10, 5: 9, 6: 35, 7: 18, 8: 7, 9: 7,
    10: 29, 11: 14, 12: 9, 13: 13, 14: 9, 15: 13, 16: 16, 17: 7,
}  # fmt: skip
"""How many requirements of levels 1 and 2 each chapter of 5.0.0 has."""
REASONS = {"pass": "by", "not applicable": "why", "not met": "todo"}


def place(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def test_every_requirement_of_levels_1_and_2_is_answered_once_and_in_order() -> None:
    assert list(ANSWERS) == sorted(ANSWERS, key=place)
    assert Counter(answer["level"] for answer in ANSWERS.values()) == LEVELS
    assert Counter(place(number)[0] for number in ANSWERS) == CHAPTERS


@pytest.mark.parametrize("number", ANSWERS)
def test_an_answer_says_what_is_asked_and_why_it_is_the_answer(number: str) -> None:
    answer = ANSWERS[number]
    reason = REASONS[answer["verdict"]]
    assert set(answer) == {"level", "asks", "verdict", reason}
    assert answer["asks"].strip()
    assert answer[reason].strip()
    if answer["verdict"] == "pass":
        path, _, name = answer["by"].partition("::")
        assert name in names_in(ROOT / path), answer["by"]


def names_in(path: Path) -> set[str]:
    """The tests of a module, by name."""
    found = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {
        node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_a_test_that_is_not_there_would_be_missed() -> None:
    assert "test_that_nobody_wrote" not in names_in(Path(__file__))
    assert "test_a_test_that_is_not_there_would_be_missed" in names_in(Path(__file__))


HASHES = {"sha256"}
EVALUATING = {"eval", "exec", "compile", "__import__", "from_string", "Template"}
UNSAFE_MODULES = {"pickle", "marshal", "shelve", "yaml", "xml", "telnetlib", "ctypes"}
CHANCE = {"webapp/delivery/webhooks/retries.py"}
"""Where chance guards nothing: it spreads retries. The demo draws from a fixed seed."""


def uses(tree: ast.Module) -> Iterator[str]:
    """What a module does that this house does not do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "hashlib" and node.attr not in HASHES:
                yield f"hashlib.{node.attr}"
            if node.value.id == "random":
                yield f"random.{node.attr}"
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            plain = isinstance(node.func, ast.Name) or name == "from_string"
            if plain and name in EVALUATING:
                yield f"{name}()"
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        yield from (name for name in names if name.partition(".")[0] in UNSAFE_MODULES)
        if isinstance(node, ast.ImportFrom) and node.module in {"random", "hashlib", "uuid"}:
            yield f"from {node.module}"


def test_only_these_primitives_are_used_and_nothing_is_evaluated() -> None:
    faults = [
        f"{module.name}: {fault}"
        for module in modules("webapp")
        if not module.name.startswith("webapp/demo/") and module.name not in CHANCE
        for fault in uses(ast.parse(module.text))
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "source",
    [
        "import hashlib\nhashlib.md5(b'')",
        "from hashlib import sha1",
        "import random\nrandom.choice([1])",
        "eval('1')",
        "environment.from_string(text)",
        "import pickle",
        "from xml.etree import ElementTree",
    ],
)
def test_what_is_not_done_in_this_house_is_found(source: str) -> None:
    assert list(uses(ast.parse(source)))


def test_the_scripts_keep_nothing_in_the_browser() -> None:
    for path in (ROOT / "webapp" / "static").glob("*.js"):
        assert not re.search(r"(local|session)Storage|indexedDB|document\.cookie", path.read_text()), (
            path.name
        )
