"""The long form: ``memory``, ``grid``, ``board``, ``migrations``; tables, and 1 if something did not hold."""

import argparse
import sys

from tests.load import figures, memory, migrations, speed
from tests.load.driving import driver
from tests.load.site import running_site
from tests.support.engines import ENGINES

SHOWN = 20
HEAD = "| what | requests | median ms | p95 ms | p99 ms |\n|---|---|---|---|---|"
CELL = (
    "| workers | threads | load | requests/s | median ms | p95 ms | p99 ms "
    "| board: median ms | p95 ms | p99 ms |\n|---|---|---|---|---|---|---|---|---|---|"
)
EVEN = (
    "| load | can do/s | came/s | board: requests | median ms | p95 ms | p99 ms | p99 : median |\n"
    + "|---" * 8
    + "|"
)


def main() -> int:
    """Run what was asked for."""
    given = _arguments()
    modes = {"memory": of_memory, "grid": of_grid, "board": of_board, "migrations": of_migrations}
    return modes[given.mode](given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    modes = parser.add_subparsers(dest="mode", required=True)
    hour = modes.add_parser("memory", help="does resident memory grow under a steady mixed load?")
    hour.add_argument("--minutes", type=float, default=60)
    hour.add_argument("--rate", type=float, default=5, help="things begun in a second")
    hour.add_argument("--warm-up", type=float, default=5, help="minutes")
    hour.add_argument("--part", type=float, default=5, help="minutes that are compared, after it and last")
    grid = modes.add_parser("grid", help="how fast with so many workers and threads?")
    grid.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    grid.add_argument("--threads", type=int, nargs="+", default=[1, 2, 4, 8])
    board = modes.add_parser("board", help="how even are the boards of two workers?")
    board.add_argument("--share", type=float, default=0.5, help="of what the site can do")
    for mode in (grid, board):
        mode.add_argument("--seconds", type=float, default=8 if mode is grid else 60, help="of each load")
        mode.add_argument("--clients", type=int, default=16, help="who go on as they are answered")
    climb = modes.add_parser("migrations", help="how long do people wait while the schema changes?")
    climb.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES)
    climb.add_argument("--since", default="0005_connect", help="the revision to begin at")
    climb.add_argument("--rows", type=int, default=1_000_000, help="appointments of the firm")
    for mode in (hour, grid, board):
        mode.add_argument("--rows", type=int, default=20_000, help="appointments of the firm")
    return parser.parse_args()


def of_memory(given: argparse.Namespace) -> int:
    """Sizes each minute, the growth of each process, and how long each page took."""
    with running_site(given.rows) as site, driver() as load:
        times = {"minutes": given.minutes, "warm_up": given.warm_up, "part": given.part}
        found = memory.watch(site, load, rate=given.rate, tell=_say, **times)
    _say("\n| process | first MB | last MB | growth | of what is its own |\n|---|---|---|---|---|")
    for each in found.grown:
        sizes = f"{each.first.resident / 1024:.1f} | {each.last.resident / 1024:.1f}"
        growths = f"{each.percent:+.1f} % | {each.private_percent:+.1f} %"
        _say(f"| {each.name} ({each.process}) | {sizes} | {growths} |")
    _say(f"\nReplaced meanwhile: {', '.join(found.replaced) or 'none'}\n\n{HEAD}")
    for name, spread in figures.by_name(found.samples).items():
        _say(f"| {name} | {spread.count} | {spread} |")
    wrong = figures.faults(found.samples)
    late = sum(sample.late for sample in found.samples)
    _say(f"\n{len(found.samples)} requests, {late} told of somebody faster, {len(wrong)} answered wrongly")
    return _verdict(wrong, holds=found.steady)


def of_grid(given: argparse.Namespace) -> int:
    """A table of cells."""
    wrong = []
    _say(CELL)
    with running_site(given.rows) as site, driver() as load:
        sizes = {"processes": given.workers, "threads": given.threads}
        for each in speed.grid(site, load, seconds=given.seconds, clients=given.clients, **sizes):
            where = f"{each.processes} | {each.threads} | {each.what}"
            _say(f"| {where} | {each.rate:.1f} | {each.all} | {each.boards} |")
            wrong += each.faults
    return _verdict(wrong)


def of_board(given: argparse.Namespace) -> int:
    """Whether the slowest boards keep to their limit at a moderate rate."""
    wrong, even = [], True
    _say(EVEN)
    with running_site(given.rows) as site, driver() as load:
        sizes = {"seconds": given.seconds, "clients": given.clients}
        for most, each in speed.evenness(site, load, share=given.share, **sizes):
            spread = each.boards
            came = f"{each.what} | {most:.1f} | {each.begun:.1f} | {spread.count}"
            _say(f"| {came} | {spread} | {spread.ratio:.1f} |")
            wrong += each.faults
            even = even and each.even
    return _verdict(wrong, holds=even)


def of_migrations(given: argparse.Namespace) -> int:
    """A table of migrations: what each takes, and the longest that anybody waits meanwhile."""
    wrong = []
    for engine in given.engine:
        steps, faults = migrations.climb(engine, given.rows, since=given.since, tell=_say)
        _say(f"\n| migration | takes s | longest wait, ms: {' | '.join(migrations.PEOPLE)} |")
        _say("|---" * (2 + len(migrations.PEOPLE)) + "|")
        for each in steps:
            waits = " | ".join(f"{seconds * 1000:.0f}" for seconds in each.worst.values())
            _say(f"| {each.revision} | {each.seconds:.2f} | {waits} |")
        wrong += faults
    return _verdict(wrong)


def _say(line: str) -> None:
    print(line, flush=True)


def _verdict(wrong: list[str], *, holds: bool = True) -> int:
    for fault in wrong[:SHOWN]:
        _say(f"  FAULT {fault}")
    return 1 if wrong or not holds else 0


if __name__ == "__main__":
    sys.exit(main())
