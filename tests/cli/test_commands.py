"""What holds for every command: settings, the schema, the way failures are told."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Daybook

COMMANDS = (
    ("verify",),
    ("demo",),
    ("serve",),
    ("firm", "create", "--name", "A", "--slug", "a", "--timezone", "Europe/London"),
)


def test_it_prints_every_problem_of_the_environment_and_exits_with_2(
    daybook: Daybook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("DAYBOOK_ENV", "staging")
    monkeypatch.setenv("SECRET_KEY", "short")
    result = daybook("verify")
    assert result.exit_code == 2
    for told in ("PORT is 'many'", "DAYBOOK_ENV is 'staging'", "SECRET_KEY has 5 characters"):
        assert told in result.stderr
    assert result.stdout == ""


def test_the_installed_script_tells_of_bad_settings_without_a_traceback(
    environment: dict[str, str],
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from webapp.cli import main; main()", "verify"],
        env={**environment, "PORT": "0", "PATH": ""},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "PORT is '0'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_help_needs_no_settings(daybook: Daybook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "many")
    result = daybook("--help")
    assert result.exit_code == 0
    for name in ("db", "demo", "firm", "import", "serve", "user", "verify"):
        assert f"  {name} " in result.stdout


@pytest.mark.one_engine("sqlite")  # the sentence is the same on both; an empty file is easy to have
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_asks_for_the_newest_schema(
    daybook: Daybook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    result = daybook(*command)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The database is not at the newest schema: run `daybook db upgrade` first.\n"
    )


@pytest.mark.one_engine("sqlite")
def test_the_schema_is_made_from_any_folder(
    daybook: Daybook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    monkeypatch.chdir(tmp_path)
    assert daybook("db", "upgrade").exit_code == 0
    assert daybook("verify").exit_code == 0


@pytest.mark.one_engine("postgresql")
def test_a_database_that_does_not_answer_is_one_sentence(
    daybook: Daybook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = daybook("verify")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database does not answer: ")
