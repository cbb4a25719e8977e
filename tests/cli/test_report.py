"""``daybook report``: the same prints as files."""

import io
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from pypdf import PdfReader
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import NOW, World, at_status, make_world
from webapp.ui.prints import views
from webapp.vocabulary import Status

one_engine = pytest.mark.one_engine("sqlite")  # what is printed is read by queries that are tested on both
MARLOW = ("--firm", "marlow")


@pytest.fixture
def reference(session: Session, world: World) -> int:
    """A no-show of this morning, and the clock at ten."""
    made = at_status(session, Status.NO_SHOW, world, start=world.now - timedelta(hours=2))
    return made.appointment_id


def text(path: Path) -> str:
    pages = PdfReader(io.BytesIO(path.read_bytes())).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def run(daybook: Daybook, *arguments: str | Path) -> str:
    with time_machine.travel(NOW, tick=False):
        done = daybook("report", *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("day-sheet",), "Tuesday 13 January 2026, Lena Fischer"),
        (("day-sheet", "--pages", "one"), "Ada Byron"),
        (("week", "--date", "2026-01-15"), "Mon 12 Jan 2026 to Sun 18 Jan 2026"),
        (("month", "--month", "2026-01"), "January 2026, compared with December 2025"),
        (("no-shows", "--from", "2026-01-01", "--to", "2026-01-31"), "No-shows by member of staff, 1"),
        (("dossier",), "Recorded as no-show"),
    ],
)
def test_each_report_is_written_as_the_file_that_its_name_says(
    daybook: Daybook, reference: int, tmp_path: Path, arguments: tuple[str, ...], told: str
) -> None:
    which = (*arguments, str(reference)) if arguments[0] == "dossier" else arguments
    out = tmp_path / "report.pdf"
    assert f"Wrote {out}" in run(daybook, *which, *MARLOW, "--out", out)
    assert told in text(out)
    assert "by the administrator" in text(out)
    run(daybook, *which, *MARLOW, "--out", tmp_path / "report.html", "--by", "The archive")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "by The archive" in page
    assert "<link" not in page
    assert 'href="/' not in page
    run(daybook, *which, *MARLOW, "--out", tmp_path / "report.csv")
    assert (tmp_path / "report.csv").read_text(encoding="utf-8-sig").count("\n") >= 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("report")) == [
        "report.csv",
        "report.html",
        "report.pdf",
    ]


def test_somebody_and_a_type_are_named_by_address_and_name(
    daybook: Daybook, session: Session, world: World, reference: int, tmp_path: Path
) -> None:
    other = make_world(session, "alder")
    at_status(session, Status.NO_SHOW, other, start=world.now - timedelta(hours=2))
    out = tmp_path / "x.csv"
    day = ("day-sheet", *MARLOW, "--type", "Review", "--out", out)
    run(daybook, *day, "--staff", "Lena@marlow.example")
    assert out.read_text(encoding="utf-8-sig").count("\n") == 2
    run(daybook, *day, "--staff", "tomas@marlow.example")
    assert out.read_text(encoding="utf-8-sig").count("\n") == 1


@one_engine
def test_a_file_may_be_longer_than_what_the_site_makes(
    daybook: Daybook, world: World, reference: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PDF_ROWS", 0)
    monkeypatch.setattr(views, "PAGE_ROWS", 0)
    for which in (("week",), ("dossier", str(reference))):
        for name in ("x.pdf", "x.html"):
            run(daybook, *which, *MARLOW, "--out", tmp_path / name)


@one_engine
def test_a_file_that_is_there_is_replaced_whole_or_not_at_all(
    daybook: Daybook, world: World, reference: int, tmp_path: Path
) -> None:
    out = tmp_path / "x.csv"
    out.write_text("old")
    first = tmp_path / f".{os.getpid()}-x.csv"  # what is written, to take the place of the other when whole
    first.symlink_to(tmp_path / "nowhere" / "x.csv")
    done = daybook("report", "week", *MARLOW, "--out", out)
    assert (done.exit_code, "cannot be written" in done.stderr) == (1, True)
    assert out.read_text() == "old"
    run(daybook, "week", *MARLOW, "--out", out)
    assert "Ada Byron" in out.read_text(encoding="utf-8-sig")
    assert [path.name for path in tmp_path.iterdir() if "x.csv" in path.name] == ["x.csv"]


@one_engine
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("day-sheet", "--date", "soon", "--out", "x.pdf"), 1, "Enter a date as year-month-day"),
        (
            ("month", "--from", "2026-02-01", "--to", "2026-01-01", "--out", "x.csv"),
            1,
            "lies before the first",
        ),
        (
            ("month", "--month", "2026-10", "--from", "2026-11-10", "--out", "x.csv"),
            1,
            "This day lies outside the month.",
        ),
        (
            ("no-shows", "--month", "2026-10", "--from", "2026-11-10", "--out", "x.html"),
            1,
            "This day lies outside the month.",
        ),
        (("month", "--month", "2026-13", "--out", "x.pdf"), 1, "Enter a month"),
        (("week", "--staff", "987654", "--out", "x.html"), 1, "This person is not in the list."),
        (("week", "--staff", "me", "--out", "x.html"), 1, "Marlow has nobody with the address 'me'."),
        (("week", "--type", "Nonsense", "--out", "x.htm"), 1, "Marlow has no type 'Nonsense'."),
        (("week", "--as-of", "2099-01-01 10:00", "--out", "x.csv"), 1, "This lies ahead."),
        (("dossier", "987654", "--out", "x.pdf"), 1, "There is no such appointment."),
        (("week", "--out", "x.docx"), 2, "must end in .pdf, .html or .csv"),
        (("week", "--out", "nowhere/x.csv"), 1, "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_told_and_leaves_no_file(
    daybook: Daybook,
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with time_machine.travel(NOW, tick=False):
        done = daybook("report", *arguments, *MARLOW)
    assert done.exit_code == code
    assert told in done.stderr
    assert not list(tmp_path.glob("x*"))


@one_engine
def test_without_the_package_a_pdf_is_refused_with_a_sentence_and_a_page_is_not(
    daybook: Daybook, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    done = daybook("report", "week", *MARLOW, "--out", tmp_path / "x.pdf")
    assert (done.exit_code, "This installation cannot make PDF files" in done.stderr) == (1, True)
    assert not list(tmp_path.glob("*x.pdf"))
    run(daybook, "week", *MARLOW, "--out", tmp_path / "x.htm")


@one_engine
def test_of_another_firm_there_is_no_dossier(
    daybook: Daybook, session: Session, reference: int, tmp_path: Path
) -> None:
    make_world(session, "alder")
    done = daybook("report", "dossier", str(reference), "--firm", "alder", "--out", tmp_path / "x.pdf")
    assert (done.exit_code, "There is no such appointment." in done.stderr) == (1, True)
    done = daybook("report", "week", "--firm", "nobody", "--out", tmp_path / "x.pdf")
    assert "There is no firm 'nobody'" in done.stderr
