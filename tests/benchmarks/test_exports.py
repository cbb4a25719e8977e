"""What a long list costs as a file: until its first rows are sent, and in memory, at ten times the rows."""

import tracemalloc
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import pytest
import time_machine
from werkzeug.test import create_environ

from tests.factories import NOW
from tests.support.desks import Desk
from tests.support.signed_in import COOKIE

pytestmark = pytest.mark.benchmark

SIZES = (10_000, 100_000)
RUNS = 5
FILES = {
    "appointments": "/appointments.csv",
    "activity": "/activity.csv",
    "drill-down": "/reports/appointments.csv?from=2020-01-01&to=2026-12-31",
    "contacts": "/contacts.csv",
}


@dataclass(frozen=True)
class Cost:
    """Milliseconds until the first rows are there, seconds to the end, bytes in memory at most."""

    first: float
    whole: float
    peak: int
    rows: int


def read(desk: Desk, path: str) -> tuple[float, float, int]:
    """Milliseconds until the first rows, seconds until the end, and how many rows the file says it has."""
    environ = create_environ(path, headers={"Cookie": f"{COOKIE}={desk.cookie}"})
    told: dict[str, str] = {}

    def start(_status: str, headers: list[tuple[str, str]], _error: object = None) -> object:
        told.update(headers)
        return lambda _data: None

    began = perf_counter()
    chunks = desk.app(environ, start)  # type: ignore[arg-type]
    sent = iter(chunks)
    next(sent)  # the head
    next(sent)
    first = perf_counter() - began
    ends = sum(chunk.count(b"\r\n") for chunk in sent)
    whole = perf_counter() - began
    chunks.close()  # type: ignore[attr-defined]
    assert ends > 0
    return first * 1000, whole, int(told["Daybook-Rows"])


def cost(desk: Desk, path: str) -> Cost:
    with time_machine.travel(NOW, tick=False):
        times = [read(desk, path) for _ in range(RUNS if desk.count == SIZES[0] else 2)]
        tracemalloc.start()
        read(desk, path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return Cost(median(time[0] for time in times), median(time[1] for time in times), peak, times[0][2])


@pytest.mark.parametrize("file", FILES)
def test_cost_of_a_file(desks: dict[int, Desk], file: str) -> None:
    few, many = (cost(desks[size], FILES[file]) for size in SIZES)
    print(
        f"\n{file}: {few.rows:,} rows start after {few.first:.0f} ms and end after {few.whole:.1f} s, "
        f"{many.rows:,} rows after {many.first:.0f} ms and {many.whole:.1f} s; "
        f"memory {few.peak / 1e6:.1f} MB and {many.peak / 1e6:.1f} MB, ratio {many.peak / few.peak:.2f}"
    )
    assert few.first < 200
    assert many.peak < 1.5 * few.peak
