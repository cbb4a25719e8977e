"""``daybook audit``: seals, checks, compares with what was kept, hands out, and has rows vouched for."""

from pathlib import Path

from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import World, at_status
from tests.lifecycle.due_rows import many
from webapp.proof.__main__ import main as check_alone
from webapp.vocabulary import Status


def test_it_seals_checks_and_hands_out(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    at_status(session, Status.CANCELLED, world)
    waiting = daybook("audit", "verify")
    assert (waiting.exit_code, "2 entries, 0 under 0 seals, 2 waiting" in waiting.stdout) == (0, True)
    assert daybook("audit", "seal").stdout.startswith("Sealed or adopted 2 entries, kept 1 seals in ")
    kept = tmp_path / "instance" / "seals" / f"firm-{world.firm.firm_id}.jsonl"
    sealed = daybook("audit", "verify", "--firm", "marlow", "--seals", kept)
    assert (sealed.exit_code, "2 entries, 2 under 1 seals, 0 waiting" in sealed.stdout) == (0, True)
    out = tmp_path / "history.jsonl"
    key = daybook("audit", "key").stdout.strip()
    assert daybook("audit", "export", "--firm", "marlow", "--out", out).stdout.strip().endswith(key)
    assert check_alone([str(out), "--key", key, "--seals", str(kept)]) == 0
    assert check_alone([str(out), "--key", "00" * 32, "--seals", str(kept)]) == 1


def test_a_seal_that_was_kept_and_is_gone_is_a_finding(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    at_status(session, Status.CONFIRMED, world)
    daybook("audit", "seal")
    kept = tmp_path / "instance" / "seals" / f"firm-{world.firm.firm_id}.jsonl"
    more = tmp_path / "more.jsonl"
    more.write_text(kept.read_text() + kept.read_text().replace('"number": 1', '"number": 2'))
    result = daybook("audit", "verify", "--seals", more)
    assert result.exit_code == 1
    assert "marlow, seal 2: The seal was kept outside and is gone." in result.stdout


def test_rows_without_a_digest_are_told_until_they_are_vouched_for(
    daybook: Daybook, session: Session, world: World
) -> None:
    many(session, world, 3, last_end=world.now)
    told = daybook("audit", "verify")
    assert told.exit_code == 1
    assert told.stdout.count("The entry has no digest: it was not written by Daybook.") == 3
    assert daybook("audit", "accept", "--firm", "marlow").stdout == "3 rows will be adopted as found.\n"
    daybook("audit", "seal")
    found = daybook("audit", "verify")
    assert (found.exit_code, "3 as found" in found.stdout) == (0, True)
    assert daybook("audit", "accept", "--firm", "marlow").stdout == "Every row has its digest.\n"
