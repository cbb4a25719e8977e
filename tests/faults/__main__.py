"""The long form: ``python -m tests.faults --engine postgresql --kills 250 --rounds 200`` prints a table."""

import argparse
import sys
import time

from tests.faults import report
from tests.faults.grounds import ground
from tests.support.engines import ENGINES

SHOWN = 10


def main() -> int:
    """Run what was asked for; 1 if anything did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, action="append", help="one of both; may be repeated")
    parser.add_argument("--kills", type=int, default=250, help="on each engine")
    parser.add_argument("--rounds", type=int, default=200, help="of each race; 0 for kills alone")
    parser.add_argument("--controls", type=int, default=20, help="rounds of each build without a guard")
    parser.add_argument(
        "--back", type=float, default=10.0, help="seconds until all must be ready after a kill"
    )
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sizes = report.Sizes(given.kills, given.rounds, given.controls, given.back, given.seed)
    print("| engine | what | how | outcome | seconds |\n|---|---|---|---|---|")
    broken = False
    for engine in given.engine or ENGINES:
        with ground(engine) as place:
            begun = time.monotonic()
            for row in report.run(place, sizes):
                took = time.monotonic() - begun
                print(f"| {row.engine} | {row.what} | {row.how} | {row.found} | {took:.0f} |", flush=True)
                for fault in row.faults[:SHOWN]:
                    print(f"  FAULT {fault}", flush=True)
                broken = broken or bool(row.faults)
                begun = time.monotonic()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
