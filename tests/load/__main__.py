"""The long form: ``python -m tests.load memory --minutes 60``, ``grid`` or ``board``; 1 if something did not hold."""

import argparse
import sys

from tests.load import figures, memory
from tests.load.driving import driver
from tests.load.site import running_site

SHOWN = 20
HEAD = "| what | requests | median ms | p95 ms | p99 ms |\n|---|---|---|---|---|"


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="appointments of the firm")
    modes = parser.add_subparsers(dest="mode", required=True)
    hour = modes.add_parser("memory", help="does resident memory grow under a steady mixed load?")
    hour.add_argument("--minutes", type=float, default=60)
    hour.add_argument("--rate", type=float, default=5, help="things begun in a second")
    hour.add_argument("--warm-up", type=float, default=5, help="minutes")
    hour.add_argument("--part", type=float, default=5, help="minutes that are compared, after it and last")
    given = parser.parse_args()
    return {"memory": of_memory}[given.mode](given)


def of_memory(given: argparse.Namespace) -> int:
    with running_site(given.rows) as site, driver() as load:
        found = memory.watch(
            site,
            load,
            minutes=given.minutes,
            rate=given.rate,
            warm_up=given.warm_up,
            part=given.part,
            tell=lambda line: print(line, flush=True),
        )
    print("\n| process | first MB | last MB | growth | of what is its own |\n|---|---|---|---|---|")
    for each in found.grown:
        print(
            f"| {each.name} ({each.process}) | {each.first.resident / 1024:.1f} | {each.last.resident / 1024:.1f} "
            f"| {each.percent:+.1f} % | {each.private_percent:+.1f} % |"
        )
    print(f"\nReplaced meanwhile: {', '.join(found.replaced) or 'none'}\n\n{HEAD}")
    for name, spread in figures.by_name(found.samples).items():
        print(f"| {name} | {spread.count} | {spread.median:.1f} | {spread.p95:.1f} | {spread.p99:.1f} |")
    wrong = figures.faults(found.samples)
    print(f"\n{len(found.samples)} requests, {len(wrong)} answered wrongly")
    for fault in wrong[:SHOWN]:
        print(f"  FAULT {fault}")
    return 1 if wrong or found.replaced or any(each.percent >= memory.MOST for each in found.grown) else 0


if __name__ == "__main__":
    sys.exit(main())
