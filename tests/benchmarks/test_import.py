"""How fast an import is and how much memory it takes, on rows of our own making."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import pytest
from sqlalchemy.orm import Session

from tests.factories import make_world
from tests.support.engines import ROOT, SECRET_KEY
from webapp.models.engine import make_engine

pytestmark = pytest.mark.benchmark

ROWS = 110_000
FASTER_THAN = 5_000  # rows a second, on SQLite
MORE_MEMORY = 40 * 1024  # KiB between ten thousand rows and eleven times as many
ARGUMENTS = (
    "--firm", "marlow", "--spread",
    "--map", "external_ref=ref", "--map", "client_ref=person", "--map", "date=day", "--map", "status=came",
    "--status-map", "yes=completed", "--status-map", "no=no_show",
    "--default", "type=Review", "--default", "staff_email=lena@marlow.example",
)  # fmt: skip


def rows(count: int) -> Iterator[str]:
    yield "ref,person,day,came"
    for number in range(count):
        day = date(2020, 1, 1) + timedelta(days=number % 700)
        yield f"A{number},P{number * 7 % 60_000},{day},{'no' if number % 5 == 0 else 'yes'}"


def run(url: str, file: Path) -> tuple[float, float, int]:
    """Import a file in a process of its own: seconds, seconds of work, and its peak of memory in KiB."""
    began = perf_counter()
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from webapp.cli import main; main()",
            "import",
            "appointments",
            file,
            *ARGUMENTS,
        ],
        cwd=ROOT,
        env={"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "DAYBOOK_INSTANCE": str(file.parent), "PATH": ""},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss


def test_a_long_file_is_imported_fast_and_in_flat_memory(sqlite_url: str, tmp_path: Path) -> None:
    engine = make_engine(sqlite_url)
    with Session(engine, execution_options={"write": True}) as session:
        make_world(session)
    engine.dispose()
    short, long = tmp_path / "short.csv", tmp_path / "long.csv"
    short.write_text("\n".join(rows(10_000)), encoding="utf-8")
    long.write_text("\n".join(rows(ROWS)), encoding="utf-8")
    *_, little = run(sqlite_url, short)
    seconds, work, much = run(sqlite_url, long)
    rate, alone = (ROWS - 10_000) / seconds, (ROWS - 10_000) / work
    print(f"\n{rate:,.0f} rows/s ({alone:,.0f} a second of work)")
    print(f"peak {little / 1024:.0f} MiB at 10 000 rows, {much / 1024:.0f} at {ROWS:,}")
    assert alone > FASTER_THAN, "by the work done: other processes on the machine do not count"
    assert much - little < MORE_MEMORY
