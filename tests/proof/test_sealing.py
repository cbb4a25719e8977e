"""When seals are made, by whom, over what, and where they are kept."""

import json
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.factories import World, at_status, make_world
from tests.lifecycle.due_rows import many
from tests.proof.ledger import KEY, KEYS, adopt_all, check, seal_all
from webapp import proof
from webapp.config import Settings
from webapp.delivery import seal_files, seals
from webapp.lifecycle import appointments, sealing
from webapp.lifecycle.seal_keys import public_key, signing_key, trusted
from webapp.models import Appointment, AppointmentStatusHistory, HistorySeal, HistoryUnsealed
from webapp.queries import proofs
from webapp.vocabulary import CancelledBy, Status

MINUTE = timedelta(minutes=1)
HISTORY = AppointmentStatusHistory


def waiting(session: Session) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(HistoryUnsealed)) or 0


def cancel(session: Session, meeting: Appointment, world: World) -> None:
    appointments.cancel(
        session,
        meeting,
        actor=world.acting(),
        reason="Ada is ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now,
    )


def test_every_history_row_awaits_a_seal_and_is_sealed_once(session: Session, world: World) -> None:
    at_status(session, Status.CANCELLED, world)
    assert waiting(session) == 2
    assert seal_all(session, world) == 2
    assert waiting(session) == 0
    assert seal_all(session, world) == 0
    assert check(session, world.firm.firm_id)[0] == []


def test_a_few_entries_wait_a_minute_for_more(session: Session, world: World) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    cancel(session, meeting, world)
    first = session.scalars(sa.select(HISTORY.changed_at).order_by(HISTORY.changed_at)).first()
    assert first is not None
    firm_id = world.firm.firm_id
    assert sealing.seal(session, firm_id, key=KEY, now=first + MINUTE - timedelta(seconds=1)) == 0
    assert sealing.seal(session, firm_id, key=KEY, now=first + MINUTE) == 2


def test_a_thousand_entries_are_sealed_at_once(session: Session, world: World) -> None:
    many(session, world, 1003, last_end=world.now)
    firm_id = world.firm.firm_id
    sealing.accept(session, firm_id)
    adopt_all(session, world)
    newest = session.scalar(sa.select(sa.func.min(HISTORY.changed_at)))
    assert newest is not None
    assert sealing.seal(session, firm_id, key=KEY, now=newest) == 1000
    assert sealing.seal(session, firm_id, key=KEY, now=newest) == 0  # three, and no minute has passed
    session.commit()
    assert seal_all(session, world) == 3
    findings, seen = check(session, firm_id)
    assert findings == []
    assert (seen.entries, seen.legacy, seen.seals) == (1003, 1003, 2)


def test_what_is_rolled_back_awaits_nothing(session: Session, world: World) -> None:
    meeting = at_status(session, Status.CONFIRMED, world)
    seal_all(session, world)
    cancel(session, meeting, world)
    session.rollback()
    assert waiting(session) == 0
    assert check(session, world.firm.firm_id)[0] == []


def test_firms_are_sealed_each_for_itself(session: Session, world: World) -> None:
    other = make_world(session, slug="selby")
    for firm in (world, other):
        at_status(session, Status.CONFIRMED, firm)
    assert sealing.firms(session) == [world.firm.firm_id, other.firm.firm_id]
    assert seal_all(session, world) == 1
    assert sealing.firms(session) == [other.firm.firm_id]
    assert seal_all(session, other) == 1
    assert [seal.number for seal in proofs.seals(session, firm_id=other.firm.firm_id)] == [1]


def test_workers_at_the_same_firm_make_one_chain_of_seals(
    session: Session, engine: Engine, world: World
) -> None:
    for place in range(12):
        at_status(session, Status.CONFIRMED, world, start=world.now + timedelta(days=1 + place))
    firm_id, start, errors = world.firm.firm_id, threading.Barrier(4), []

    def work() -> None:
        start.wait()
        try:
            with Session(engine, execution_options={"write": True}) as mine:
                for _ in range(3):
                    sealing.seal(mine, firm_id, key=KEY, now=world.now, at_once=True)
                    mine.commit()
        except Exception as error:
            errors.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    findings, seen = check(session, firm_id)
    assert findings == []
    assert (seen.sealed, seen.waiting) == (12, 0)


def test_rows_without_a_digest_are_a_finding_until_somebody_vouches_for_them(
    session: Session, world: World
) -> None:
    many(session, world, 3, last_end=world.now)
    firm_id = world.firm.firm_id
    findings, _ = check(session, firm_id)
    assert {finding.sentence for finding in findings} == {
        "The entry has no digest: it was not written by Daybook."
    }
    assert sealing.accept(session, firm_id) == 3
    assert check(session, firm_id)[0] == []  # still to come
    assert adopt_all(session, world) == 3
    assert sealing.accept(session, firm_id) == 0
    findings, seen = check(session, firm_id)
    assert (findings, seen.legacy, seen.waiting) == ([], 3, 3)


def test_the_guards_let_no_digest_be_replaced(session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    for values in (
        {"entry_hash": "0" * 64},
        {"legacy": True},
        {"words_salt": "0" * 32},
        {"reason": "Another"},
    ):
        with pytest.raises(sa.exc.DBAPIError, match="append_only"):
            session.execute(sa.update(HISTORY).values(values))
        session.rollback()
    seal_all(session, world)
    for statement in (sa.update(HistorySeal).values(root="0" * 64), sa.delete(HistorySeal)):
        with pytest.raises(sa.exc.DBAPIError, match="append_only"):
            session.execute(statement)
        session.rollback()
    assert check(session, world.firm.firm_id)[0] == []


def test_a_key_follows_from_the_secret_or_from_its_own_seed() -> None:
    secret = "s" * 32
    assert public_key(signing_key("", secret_key=secret)) == public_key(signing_key("", secret_key=secret))
    assert public_key(signing_key("", secret_key=secret)) != public_key(signing_key("", secret_key="t" * 32))
    seeded = signing_key("01" * 32, secret_key=secret)
    assert public_key(seeded) == public_key(signing_key("01" * 32, secret_key="t" * 32))
    assert len(trusted(seeded, [public_key(KEY).hex()])) == 2


def test_after_a_change_of_keys_the_old_one_must_be_named(session: Session, world: World) -> None:
    at_status(session, Status.CONFIRMED, world)
    seal_all(session, world)
    firm_id = world.firm.firm_id
    new = signing_key("01" * 32, secret_key="")
    told = list(proofs.verify(session, firm_id=firm_id, keys=trusted(new)))
    assert proof.Finding(firm_id, "seal 1", "No trusted key has signed the seal as it stands.") in told
    both = trusted(new, [public_key(KEY).hex()])
    assert len(list(proofs.verify(session, firm_id=firm_id, keys=both))) == 1


def test_seals_are_kept_in_a_file_that_only_grows(
    session: Session, engine: Engine, ledger: World, tmp_path: Path
) -> None:
    firm_id = ledger.firm.firm_id
    path = seal_files.file_of(tmp_path / "seals", firm_id)
    found = list(proofs.seals(session, firm_id=firm_id))
    assert seal_files.last_kept(path) == 0
    assert seal_files.keep(path, found[:2]) == 2
    whole = path.read_bytes()
    path.write_bytes(whole + json.dumps(found[2]._asdict()).encode()[:99])  # a crash in the middle of a line
    assert seal_files.last_kept(path) == 2
    assert seal_files.keep(path, found) == 2
    assert path.read_bytes().startswith(whole)
    kept = proof.read_seals(path.read_text().splitlines())[firm_id]
    assert list(kept.values()) == found
    assert check(session, firm_id, kept=kept)[0] == []


def test_a_worker_adopts_seals_and_keeps(
    session: Session, engine: Engine, world: World, tmp_path: Path
) -> None:
    many(session, world, 4, last_end=world.now)
    sealing.accept(session, world.firm.firm_id)
    at_status(session, Status.CANCELLED, world)
    settings = Settings(database_url=str(engine.url), secret_key="k" * 32, instance_path=tmp_path)

    def sessions() -> Session:
        return Session(engine, execution_options={"write": True}, expire_on_commit=False)

    did = seals.make(sessions, settings=settings, now=world.now, stop=lambda: False)
    assert did == {"adopted": 4, "sealed": 6}
    assert seals.keep(sessions, settings) == 1
    assert seals.keep(sessions, settings) == 0
    keys = trusted(signing_key("", secret_key=settings.secret_key))
    kept = proof.read_seals(
        seal_files.file_of(seals.folder(settings), world.firm.firm_id).read_text().splitlines()
    )
    results = list(
        proofs.verify(session, firm_id=world.firm.firm_id, keys=keys, kept=kept[world.firm.firm_id])
    )
    assert [type(result) for result in results] == [proof.Verifier]


def test_the_verifier_alone_says_the_same_of_an_export(
    session: Session, ledger: World, tmp_path: Path
) -> None:
    """Run as a program, from a copy, where the application cannot be imported."""
    firm_id = ledger.firm.firm_id
    lines = [json.dumps(line, ensure_ascii=False) for line in proofs.export(session, firm_id=firm_id)]
    shutil.copytree(Path(proof.__file__).parent, tmp_path / "proof")
    alone = "import runpy, sys; sys.modules['webapp'] = None; runpy.run_module('proof', run_name='__main__')"

    def run(text: list[str]) -> tuple[int, str]:
        (tmp_path / "history.jsonl").write_text("\n".join(text) + "\n", encoding="utf-8")
        key = next(iter(KEYS.values())).hex()
        asked = [sys.executable, "-c", alone, str(tmp_path / "history.jsonl"), "--key", key]
        done = subprocess.run(asked, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert not done.stderr
        return done.returncode, done.stdout

    assert run(lines) == (0, f"{check(session, firm_id)[1]}\n")
    at = next(place for place, line in enumerate(lines) if "Ada is ill" in line)
    forged = [
        line.replace("Ada is ill", "Ada forgot") if place == at else line for place, line in enumerate(lines)
    ]
    code, told = run(forged)
    number = json.loads(lines[at])["entries"][0]["appointment_id"]
    assert code == 1
    assert f"Firm {firm_id}, appointment {number}, entry 2: The entry is not what was recorded." in told
    code, told = run(lines[:3] + lines[4:])
    assert code == 1
    assert "The entry is gone; it is in seal 1." in told
