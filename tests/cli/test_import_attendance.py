"""``daybook import attendance``: facts from a file, each once, and what is said of rows that are none."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.cli.files import write
from tests.factories import DAY, NOW, World, at_status, make_world
from webapp.models import Appointment, Attendance
from webapp.queries import invariants
from webapp.vocabulary import AttendanceSide, AttendanceSource, Status

HEADER = "Meeting,Who,When,Row"
MAPPING = ("--firm", "marlow", "--map", "reference=Meeting", "--map", "side=Who", "--map", "joined_at=When")


@pytest.fixture
def meeting(session: Session, world: World) -> Appointment:
    """Lena meets Ada on 12 January at 10:00."""
    found = at_status(session, Status.CONFIRMED, world, start=NOW - DAY)
    session.rollback()
    return found


def facts(session: Session) -> list[Attendance]:
    session.rollback()
    return list(session.scalars(sa.select(Attendance).order_by(Attendance.attendance_id)))


def file(folder: Path, *rows: str, name: str = "joins.csv") -> Path:
    return write(folder, *rows, header=HEADER, name=name)


def test_each_row_becomes_one_fact(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    number = meeting.appointment_id
    path = file(
        tmp_path,
        f"{number},client,2026-01-12T10:02,a",
        f"#{number},Staff,2026-01-12T05:01:30-05:00,b",
    )
    result = daybook("import", "attendance", path, *MAPPING, "--by", "Ana")
    assert result.exit_code == 0, result.stderr
    assert "2 rows read: 2 imported; 0 were there already; 0 left out." in result.stdout
    client, staff = facts(session)
    assert (client.side, client.joined_at) == (
        AttendanceSide.CLIENT, datetime(2026, 1, 12, 10, 2, tzinfo=UTC),
    )  # fmt: skip
    assert (staff.side, staff.joined_at) == (
        AttendanceSide.STAFF, datetime(2026, 1, 12, 10, 1, 30, tzinfo=UTC),
    )  # fmt: skip
    assert {fact.source for fact in (client, staff)} == {AttendanceSource.IMPORT}
    assert {fact.actor_label for fact in (client, staff)} == {"Import by Ana"}
    assert [fact.external_id for fact in (client, staff)] == ["import:joins.csv:2", "import:joins.csv:3"]
    assert session.get_one(Appointment, number).status is Status.CONFIRMED
    assert list(invariants.check(session)) == []


def test_the_second_run_imports_nothing(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    path = file(tmp_path, f"{meeting.appointment_id},client,2026-01-12T10:02,a")
    daybook("import", "attendance", path, *MAPPING)
    again = daybook("import", "attendance", path, *MAPPING)
    assert "0 imported; 1 were there already; 0 left out." in again.stdout
    assert len(facts(session)) == 1


def test_a_mapped_reference_knows_a_row_in_another_file(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    line = f"{meeting.appointment_id},client,2026-01-12T10:02,a-77"
    for name in ("monday.csv", "tuesday.csv"):
        path = file(tmp_path, line, name=name)
        assert daybook("import", "attendance", path, *MAPPING, "--map", "id=Row").exit_code == 0
    (fact,) = facts(session)
    assert fact.external_id == "a-77"


def test_another_file_of_the_same_name_is_not_taken_for_the_first(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    number = meeting.appointment_id
    daybook("import", "attendance", file(tmp_path, f"{number},client,2026-01-12T10:02,a"), *MAPPING)
    other = file(tmp_path, f"{number},staff,2026-01-12T10:00,a")
    result = daybook("import", "attendance", other, *MAPPING)
    assert "Line 2: 'import:joins.csv:2' is known with other facts." in result.stderr
    assert "1 left out" in result.stdout
    assert len(facts(session)) == 1


def test_appointments_are_found_by_their_imported_reference(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    session.get_one(Appointment, meeting.appointment_id).external_ref = "old-9"
    session.commit()
    path = file(tmp_path, "old-9,,2026-01-12T10:02,a", "old-10,,2026-01-12T10:02,b")
    result = daybook(
        "import", "attendance", path, "--firm", "marlow",
        "--map", "external_ref=Meeting", "--map", "joined_at=When", "--default", "side=client",
    )  # fmt: skip
    assert "1 imported; 0 were there already; 1 left out." in result.stdout
    assert "Line 3: The firm has no appointment old-10." in result.stderr
    assert [fact.side for fact in facts(session)] == [AttendanceSide.CLIENT]


@pytest.mark.one_engine("sqlite")
@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("x,client,2026-01-12T10:02,a", "'x' is not the number of an appointment."),
        (f"{2**63},client,2026-01-12T10:02,a", "is not the number of an appointment."),
        ("0,client,2026-01-12T10:02,a", "is not the number of an appointment."),
        (",client,2026-01-12T10:02,a", "It does not say which appointment."),
        ("999999,client,2026-01-12T10:02,a", "The firm has no appointment 999999."),
        ("{},both,2026-01-12T10:02,a", "'both' is not a side; use client or staff."),
        ("{},,2026-01-12T10:02,a", "It lacks who joined."),
        ("{},client,,a", "It lacks the time of joining."),
        ("{},client,ten,a", "'ten' is not a date and time"),
        ("{},client,2026-01-20T10:00,a", "Give a time from"),
        ("{},client,2026-03-29T01:30,a", "2026-03-29"),
        ("{},client,2025-10-26T01:30,a", "exists twice"),
        ("{},client", "It has 2 cells, the header has 4."),
    ],
)
def test_a_row_that_is_no_fact_is_told_with_its_line_and_the_rest_goes_on(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path, row: str, sentence: str
) -> None:
    number = str(meeting.appointment_id)
    path = file(tmp_path, row.replace("{}", number), f"{number},staff,2026-01-12T10:00,b")
    result = daybook("import", "attendance", path, *MAPPING, "--errors", tmp_path / "problems.txt")
    assert result.exit_code == 0
    problems = (tmp_path / "problems.txt").read_text(encoding="utf-8")
    assert problems.startswith("Line 2: ")
    assert sentence in problems
    assert [fact.side for fact in facts(session)] == [AttendanceSide.STAFF]


@pytest.mark.one_engine("sqlite")
def test_a_mapping_that_does_not_fit_is_refused_with_all_that_is_wrong(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    path = file(tmp_path, f"{meeting.appointment_id},client,2026-01-12T10:02,a")
    result = daybook("import", "attendance", path, "--firm", "marlow", "--map", "status=Who")
    assert result.exit_code == 1
    for told in ("there is no 'status'", "Map either reference or external_ref", "Map joined_at", "Map side"):
        assert told in result.stderr
    gone = daybook("import", "attendance", path, *MAPPING[:-1], "joined_at=Then")
    assert "The column 'Then' is not in the file." in gone.stderr
    assert facts(session) == []


def test_another_firms_appointments_are_not_found(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    make_world(session, "hartmann")
    path = file(tmp_path, f"{meeting.appointment_id},client,2026-01-12T10:02,a")
    result = daybook("import", "attendance", path, "--firm", "hartmann", *MAPPING[2:])
    assert "The firm has no appointment" in result.stderr
    assert facts(session) == []


@pytest.mark.one_engine("sqlite")
def test_many_rows_come_in_batches_and_a_long_name_still_tells_rows_apart(
    daybook: Daybook, session: Session, meeting: Appointment, tmp_path: Path
) -> None:
    first = datetime(2026, 1, 12, 10, 0, tzinfo=UTC)
    rows = [
        f"{meeting.appointment_id},client,{(first + timedelta(seconds=number)).isoformat()},r"
        for number in range(1100)
    ]
    path = file(tmp_path, *rows, name="a long name " * 12 + ".csv")
    result = daybook("import", "attendance", path, *MAPPING)
    assert "1,100 rows read: 1,100 imported" in result.stdout
    kept = facts(session)
    assert len({fact.external_id for fact in kept}) == 1100
    assert max(len(fact.external_id or "") for fact in kept) <= 120
