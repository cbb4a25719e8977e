"""``daybook import appointments``: what it writes, and that it can be repeated."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.cli.files import HEADER, MAPPING, row, write
from tests.factories import LENGTH, World, at_status
from webapp.models import Account, Appointment, AppointmentStatusHistory, Contact, ContactTerm, OutboxEvent
from webapp.queries import invariants
from webapp.vocabulary import Action, ActorKind, CancelledBy, NoShowParty, Status


def imported(session: Session) -> dict[str, Appointment]:
    session.rollback()
    session.expire_all()
    return {
        appointment.external_ref or "": appointment for appointment in session.scalars(sa.select(Appointment))
    }


def test_it_writes_each_row_with_its_stamps_and_one_history_row(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        row("a", start="2026-01-05T10:00", came="Yes"),
        row("b", start="2026-01-05T11:00", came="no"),
        row("c", start="2026-01-05T12:00", came="Off"),
        row("d", start="2030-01-07T12:00", came="Open"),
    )
    result = daybook("import", "appointments", file, *MAPPING, "--by", "Ana")
    assert result.exit_code == 0, result.output
    assert "4 imported, with 1 new contacts; 0 were there already; 0 left out." in result.stdout
    found = imported(session)
    assert {ref: appointment.status for ref, appointment in found.items()} == {
        "a": Status.COMPLETED,
        "b": Status.NO_SHOW,
        "c": Status.CANCELLED,
        "d": Status.CONFIRMED,
    }
    assert found["a"].completed_at == datetime(2026, 1, 5, 10, 45, tzinfo=UTC) == found["a"].end_time
    assert found["b"].no_show_at == found["b"].start_time
    assert found["b"].no_show_party is NoShowParty.CLIENT
    assert found["c"].cancelled_by is CancelledBy.STAFF
    for number, ref in enumerate("abcd", start=2):
        (step,) = found[ref].status_history
        assert (step.action, step.from_status, step.to_status) == (Action.IMPORT, None, found[ref].status)
        assert (step.actor_kind, step.actor_label) == (ActorKind.SYSTEM, "Import by Ana")
        assert step.reason == found[ref].status_reason == f"Imported from old.csv, line {number}"
    assert session.scalar(sa.select(sa.func.count(OutboxEvent.outbox_event_id))) == 0
    assert list(invariants.check(session)) == []


def test_the_second_run_imports_nothing(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, row("a"), row("b", start="2026-01-05T11:00"))
    daybook("import", "appointments", file, *MAPPING)
    again = daybook("import", "appointments", file, *MAPPING)
    assert "0 imported, with 0 new contacts; 2 were there already; 0 left out." in again.stdout
    assert len(imported(session)) == 2
    assert session.scalar(sa.select(sa.func.count(AppointmentStatusHistory.history_id))) == 2


@pytest.mark.one_engine("postgresql")  # SQLite has one writer at a time anyway
def test_rows_that_another_import_adds_at_the_same_moment_are_there_already(
    daybook: Daybook, engine: Engine, session: Session, world: World, tmp_path: Path
) -> None:
    """The other one comes between this one's look at the references and its insert."""
    both = write(tmp_path, row("a"), row("b", start="2026-01-05T11:00"))
    first = write(tmp_path, row("a"), name="first.csv")
    running: list[str] = []

    def overtake(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO appointment ") and not running:
            running.append(statement)
            with ThreadPoolExecutor(1) as pool:
                assert (
                    "1 imported"
                    in pool.submit(daybook, "import", "appointments", first, *MAPPING).result().stdout
                )

    sa.event.listen(Engine, "before_cursor_execute", overtake)
    try:
        result = daybook("import", "appointments", both, *MAPPING)
    finally:
        sa.event.remove(Engine, "before_cursor_execute", overtake)
    assert running
    assert "1 imported, with 0 new contacts; 1 were there already; 0 left out." in result.stdout
    assert set(imported(session)) == {"a", "b"}


def test_a_dry_run_writes_nothing_and_finds_the_same(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, row("a"), row("b", came="Perhaps"), row("a", start="2026-01-05T12:00"))
    dry = daybook("import", "appointments", file, *MAPPING, "--dry-run")
    assert "1 would be imported; 0 were there already; 2 left out." in dry.stdout
    assert "nothing was written" in dry.stdout
    assert imported(session) == {}
    wet = daybook("import", "appointments", file, *MAPPING)
    assert "1 imported, with 1 new contacts; 0 were there already; 2 left out." in wet.stdout
    assert dry.stderr == wet.stderr


def test_a_limit_stops_after_so_many_rows(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, *(row(str(n), start=f"2026-01-05T{n:02}:00") for n in range(8, 16)))
    daybook("import", "appointments", file, *MAPPING, "--limit", "3")
    assert sorted(imported(session)) == ["10", "8", "9"]


def test_contacts_and_accounts_are_made_once_and_found_again(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        "1,P-1,José Álvarez,Acme,2026-01-05T10:00",
        "2,P-1,José Álvarez,Acme,2026-01-05T11:00",
        "3,,Zoë Adeyemi,BYRON LTD,2026-01-05T12:00",
        "4,,zoë adeyemi,Byron Ltd,2026-01-05T13:00",
        "5,,,Acme,2026-01-05T14:00",
        header="Ref,Person,Client,Company,Start",
    )
    mapping = (
        *("--firm", "marlow", "--default", "type=review", "--default", "status=completed"),
        *("--default", "staff_email=lena@marlow.example", "--map", "external_ref=Ref"),
        *("--map", "client_ref=Person", "--map", "client_name=Client", "--map", "account=Company"),
        *("--map", "start=Start"),
    )
    result = daybook("import", "appointments", file, *mapping)
    assert "5 imported, with 2 new contacts" in result.stdout, result.output
    found = imported(session)
    assert found["1"].contact_id == found["2"].contact_id
    assert found["3"].contact_id == found["4"].contact_id
    assert found["3"].account_id == world.account.account_id, "known by its name in another case"
    assert found["5"].contact_id is None
    assert found["5"].account_id == found["1"].account_id
    assert session.scalar(sa.select(sa.func.count(Account.account_id))) == 2
    jose = session.scalars(sa.select(Contact).where(Contact.external_ref == "P-1")).one()
    terms = set(session.scalars(sa.select(ContactTerm.term).where(ContactTerm.contact_id == jose.contact_id)))
    assert {"jose", "alvarez"} <= terms


def test_a_live_row_never_takes_a_slot_that_is_held(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    start = world.at("2030-01-07 10:00")
    at_status(session, Status.CONFIRMED, world, start=start)
    file = write(
        tmp_path,
        row("held", start="2030-01-07T10:30", came="Open"),
        row("free", start="2030-01-07T10:45", came="Open"),
        row("twin", start="2030-01-07T11:00", came="Open"),
        row("past", start="2026-01-05T11:00", came="Yes"),
    )
    result = daybook("import", "appointments", file, *MAPPING)
    assert "Line 2: Another live appointment holds its time." in result.stderr
    assert "Line 4: Another live appointment holds its time." in result.stderr
    assert set(imported(session)) == {"", "free", "past"}
    assert start + LENGTH == imported(session)["free"].start_time
    assert list(invariants.check(session)) == []


def test_rows_without_a_time_are_laid_out_over_the_day(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, *(f"{n},P-{n},2026-01-05T00:00:00Z" for n in range(13)), header="Ref,Person,Day")
    mapping = (
        *("--firm", "marlow", "--default", "type=Review", "--default", "status=completed", "--spread"),
        *("--default", "staff_email=lena@marlow.example", "--map", "external_ref=Ref"),
        *("--map", "client_ref=Person", "--map", "date=Day"),
    )
    result = daybook("import", "appointments", file, *mapping)
    found = imported(session)
    opens = world.at("2026-01-05 09:00")
    assert [found[str(n)].start_time for n in range(12)] == [
        opens + n * timedelta(minutes=45) for n in range(12)
    ]
    assert found["12"].start_time == opens
    assert [found[str(n)].overbooked for n in range(13)] == [False] * 12 + [True]
    assert "1 that did not fit share a time and are marked overbooked" in result.stdout
    assert (found["0"].status_reason or "").endswith("The time of day is not the file’s")


def test_it_reads_a_packed_file_under_any_name(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = tmp_path / "packed"
    file.write_bytes(gzip.compress(f"{HEADER}\n{row('a')}\n".encode()))
    assert daybook("import", "appointments", file, *MAPPING).exit_code == 0
    assert set(imported(session)) == {"a"}


def test_times_are_the_firms_unless_said_otherwise(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(
        tmp_path,
        row("offset", start="2026-01-05T10:00:00+02:00"),
        row("wall", start="2026-01-05 12:00"),
        row("twice", start="2025-11-02T01:30"),
        row("never", start="2026-03-08T02:30"),
    )
    result = daybook("import", "appointments", file, *MAPPING, "--timezone", "America/New_York")
    found = imported(session)
    assert found["offset"].start_time == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert found["wall"].start_time == datetime(2026, 1, 5, 17, tzinfo=UTC)
    assert found["twice"].start_time == datetime(2025, 11, 2, 5, 30, tzinfo=UTC)
    assert "the first is taken" in (found["twice"].status_reason or "")
    assert "Line 5: 02:30 does not exist on 2026-03-08 in America/New_York" in result.stderr


@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_batches_do_not_show(
    daybook: Daybook,
    session: Session,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr("webapp.lifecycle.importing.run.BATCH", batch)
    file = write(tmp_path, row("a"), row("b", client="Bo"), row("a"), row("c"), row("b"))
    result = daybook("import", "appointments", file, *MAPPING)
    assert "3 imported, with 2 new contacts; 0 were there already; 2 left out." in result.stdout
    assert "Line 4: The reference 'a' stands on an earlier line too." in result.stderr
    assert "Line 6: The reference 'b' stands on an earlier line too." in result.stderr
