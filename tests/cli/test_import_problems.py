"""``daybook import appointments``: mappings that do not fit and rows that cannot be imported."""

import gzip
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.cli.files import HEADER, MAPPING, row, write
from tests.factories import World
from webapp.models import Appointment, Contact

pytestmark = pytest.mark.one_engine("sqlite")  # nothing here depends on what keeps the rows


def refs(session: Session) -> set[str | None]:
    session.rollback()
    return set(session.scalars(sa.select(Appointment.external_ref)))


def without(*targets: str) -> list[str]:
    """The usual mapping but for these targets."""
    pairs = list(zip(MAPPING[::2], MAPPING[1::2], strict=True))
    return [part for pair in pairs if pair[1].partition("=")[0] not in targets for part in pair]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--map", "colour=Ref"], "there is no 'colour'"),
        (["--map", "Ref"], "write it as name=value"),
        (["--map", "start=Mail"], "start is given twice"),
        (["--map", "notes=Remarks"], "The column 'Remarks' is not in the file."),
        (["--default", "external_ref=1"], "external_ref must come from a column"),
        (["--map", "date=Start"], "Map either start, or date and time."),
        (["--spread"], "--spread is for files without a time of day"),
        (["--status-map", "Maybe=awaiting_confirmation"], "is not a status to import"),
        (["--status-map", "Maybe=rescheduled"], "is not a status to import"),
        (["--status-map", "Maybe=no_show:nobody"], "'nobody' in 'no_show:nobody' is not a side"),
        (["--status-map", "Maybe=completed:client"], "only no_show and cancelled have a side"),
    ],
)
def test_it_refuses_a_mapping_that_does_not_fit(
    daybook: Daybook, session: Session, world: World, tmp_path: Path, options: list[str], told: str
) -> None:
    result = daybook("import", "appointments", write(tmp_path, row("a")), *MAPPING, *options)
    assert result.exit_code == 1
    assert told in result.stderr
    assert refs(session) == set()


def test_it_names_everything_that_a_mapping_lacks(daybook: Daybook, world: World, tmp_path: Path) -> None:
    result = daybook("import", "appointments", write(tmp_path, row("a")), "--firm", "marlow")
    assert result.exit_code == 1
    for target in ("external_ref", "client_name", "staff_email", "type", "status", "start"):
        assert f"Map {target}" in result.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("b,Ada,,lena@marlow.example,2026-01-05T10:00", "It has 5 cells, the header has 6."),
        (",Ada,,lena@marlow.example,2026-01-05T10:00,Yes", "It lacks the reference."),
        ("b,,,lena@marlow.example,2026-01-05T10:00,Yes", "It does not say who the client is."),
        ("b,?!,,lena@marlow.example,2026-01-05T10:00,Yes", "'?!' is not a name."),
        ("b,Ada,,ghost@marlow.example,2026-01-05T10:00,Yes", "Nobody of the firm has the address ghost@"),
        ("b,Ada,,,2026-01-05T10:00,Yes", "The staff user is missing."),
        ("b,Ada,,lena@marlow.example,soon,Yes", "'soon' is not a date and time"),
        (
            "b,Ada,,lena@marlow.example,1492-10-12T10:00,Yes",
            "'1492-10-12T10:00' is not between 1990 and 2100.",
        ),
        ("b,Ada,,lena@marlow.example,2026-01-05T10:00,Perhaps", "'Perhaps' is not a status to import"),
        ("b,Ada,,lena@marlow.example,2026-01-05T10:00,", "It lacks the status."),
        ("b,Ada,,lena@marlow.example,2099-01-05T10:00,Yes", "It has an outcome but lies in the future."),
        ("b,Ada,,vera@marlow.example,2030-01-05T10:00,Open", "The staff user takes no appointments"),
        (
            f"b,{'A' * 161},,lena@marlow.example,2026-01-05T10:00,Yes",
            "client_name: Keep this to 160 characters",
        ),
        ("b,A\x00da,,lena@marlow.example,2026-01-05T10:00,Yes", "client_name: This text has characters that"),
    ],
)
def test_it_leaves_a_bad_row_out_whole_and_says_why(
    daybook: Daybook, session: Session, world: World, tmp_path: Path, line: str, told: str
) -> None:
    file = write(tmp_path, row("a"), line, row("c"))
    errors = tmp_path / "errors.txt"
    result = daybook("import", "appointments", file, *MAPPING, "--errors", errors)
    assert result.exit_code == 0
    assert refs(session) == {"a", "c"}
    assert f"Line 3: {told}" in result.stderr
    assert f"Line 3: {told}" in errors.read_text(encoding="utf-8")
    assert "2 imported" in result.stdout
    assert "1 left out" in result.stdout
    assert session.scalar(sa.select(sa.func.count(Contact.contact_id))) == 2, "only the two good rows’ client"


def test_the_first_twenty_problems_are_printed_and_all_are_written(
    daybook: Daybook, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, *(row(str(n), start="soon") for n in range(25)))
    errors = tmp_path / "errors.txt"
    result = daybook("import", "appointments", file, *MAPPING, "--errors", errors)
    assert result.stderr.count("Line ") == 20
    assert "and 5 more problems" in result.stderr
    assert len(errors.read_text(encoding="utf-8").splitlines()) == 25


def test_a_malformed_address_is_left_out_but_not_its_row(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, "a,Bo,bo at home,lena@marlow.example,2026-01-05T10:00,Yes")
    daybook("import", "appointments", file, *MAPPING)
    reason = session.scalars(sa.select(Appointment.status_reason)).one()
    assert reason is not None
    assert reason.endswith("The client’s e-mail address is malformed and was left out")
    assert session.scalars(sa.select(Contact.email).where(Contact.name == "Bo")).one() == ""


def test_a_byte_order_mark_is_no_part_of_the_first_column(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, row("a"), encoding="utf-8-sig")
    assert daybook("import", "appointments", file, *MAPPING).exit_code == 0
    assert refs(session) == {"a"}


def test_broken_bytes_spoil_only_their_row(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, row("a"), row("b", client="Zoë"), row("c"), encoding="latin-1")
    result = daybook("import", "appointments", file, *MAPPING)
    assert refs(session) == {"a", "c"}
    assert "Line 3: client_name: This text has characters that cannot be kept." in result.stderr
    again = daybook("import", "appointments", file, *MAPPING, "--encoding", "latin-1")
    assert "1 imported" in again.stdout
    assert refs(session) == {"a", "b", "c"}


def test_quotes_keep_commas_and_line_ends(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    text = (
        f'{HEADER},Notes\r\n"a","Byron, ""Ada""",,lena@marlow.example,2026-01-05T10:00,Yes,"one\r\ntwo"\r\n'
    )
    file = tmp_path / "old.csv"
    file.write_text(text + row("b") + ",\r\n" + row("c") + "\r\n", encoding="utf-8", newline="")
    result = daybook("import", "appointments", file, *MAPPING, "--map", "notes=Notes")
    assert "Line 5: It has 6 cells, the header has 7." in result.stderr
    notes = dict(session.execute(sa.select(Appointment.external_ref, Appointment.notes)).all())
    assert notes == {"a": "one\ntwo", "b": ""}
    assert session.scalar(sa.select(Contact.name).where(Contact.name.like("Byron,%"))) == 'Byron, "Ada"'


def test_a_quotation_mark_that_nobody_closed_is_told(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, row("a"), row("b", client='"Ada'), row("c"), row("d"))
    result = daybook("import", "appointments", file, *MAPPING)
    assert refs(session) == {"a"}
    assert "Line 3: It has 2 cells, the header has 6. It runs to line 5;" in result.stderr


def test_a_huge_cell_is_a_problem_of_its_line(
    daybook: Daybook, session: Session, world: World, tmp_path: Path
) -> None:
    file = write(tmp_path, row("a"), row("b", client="A" * 200_000), row("c"))
    result = daybook("import", "appointments", file, *MAPPING)
    assert refs(session) == {"a", "c"}
    assert (
        "Line 3: It cannot be read as comma-separated values: field larger than field limit" in result.stderr
    )


@pytest.mark.parametrize("content", ["", "\n", "\ufeff"], ids=["nothing", "a line end", "a mark"])
def test_an_empty_file_is_refused(daybook: Daybook, world: World, tmp_path: Path, content: str) -> None:
    file = tmp_path / "empty.csv"
    file.write_text(content, encoding="utf-8")
    result = daybook("import", "appointments", file, *MAPPING)
    assert result.exit_code == 1
    assert "The file is empty: its first line must name the columns." in result.stderr


def test_a_header_alone_imports_nothing(daybook: Daybook, world: World, tmp_path: Path) -> None:
    result = daybook("import", "appointments", write(tmp_path), *MAPPING)
    assert result.exit_code == 0
    assert "0 rows read" in result.stdout


def test_a_column_that_stands_twice_is_refused(daybook: Daybook, world: World, tmp_path: Path) -> None:
    file = write(tmp_path, row("a") + ",No", header=HEADER + ",Came")
    result = daybook("import", "appointments", file, *MAPPING)
    assert "The column 'Came' stands in the file 2 times." in result.stderr


def test_a_packed_file_that_breaks_off_keeps_what_was_whole(
    daybook: Daybook, session: Session, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.lifecycle.importing.run.BATCH", 10)
    lines = "\n".join(row(f"{n:05}", client=f"Client {n * n}") for n in range(4000))
    packed = gzip.compress(f"{HEADER}\n{lines}\n".encode())
    file = tmp_path / "old.csv.gz"
    file.write_bytes(packed[: len(packed) // 2])
    result = daybook("import", "appointments", file, *MAPPING)
    assert result.exit_code == 1
    assert "The file breaks off after line" in result.stderr
    kept = len(refs(session))
    assert kept > 0
    assert kept % 10 == 0


def test_it_refuses_an_unknown_zone_encoding_and_file(daybook: Daybook, world: World, tmp_path: Path) -> None:
    file = write(tmp_path, row("a"))
    assert (
        "no time zone 'Mars'"
        in daybook("import", "appointments", file, *MAPPING, "--timezone", "Mars").stderr
    )
    assert (
        "no encoding 'klingon'"
        in daybook("import", "appointments", file, *MAPPING, "--encoding", "klingon").stderr
    )
    assert daybook("import", "appointments", tmp_path / "none.csv", *MAPPING).exit_code == 2


def test_the_usual_mapping_is_needed_in_full(daybook: Daybook, world: World, tmp_path: Path) -> None:
    file = write(tmp_path, row("a"))
    assert "Map staff_email" in daybook("import", "appointments", file, *without("staff_email")).stderr
