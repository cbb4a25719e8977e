"""The long form: ``python -m tests.faults --engine postgresql --kills 250 --rounds 200`` prints a table."""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.faults import kills
from tests.faults.cluster import running_cluster
from tests.faults.stack import Ground
from tests.support.engines import migrate

ENGINES = ("sqlite", "postgresql")


@contextlib.contextmanager
def ground(engine: str) -> Iterator[Ground]:
    """A migrated template, and a folder for the stacks."""
    with tempfile.TemporaryDirectory(prefix="daybook-faults-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if engine == "sqlite":
            template = folder / "template.sqlite3"
            migrate(f"sqlite:///{template}", folder)
            yield Ground(folder, str(template))
        else:
            cluster = stack.enter_context(running_cluster())
            cluster.run("CREATE DATABASE template_daybook TEMPLATE template0 ENCODING 'UTF8'")
            migrate(cluster.url_of("template_daybook"), folder)
            yield Ground(folder, "template_daybook", cluster)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--engine", choices=ENGINES, action="append")
    parser.add_argument("--kills", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    for engine in given.engine or ENGINES:
        with ground(engine) as place, place.stack() as stack:
            begun = time.monotonic()
            report = kills.rounds(stack, given.kills, seed=given.seed)
            ledger = report.ledger
            print(engine, dict(report.kills), {k: round(v, 2) for k, v in report.back.items()})
            print(
                ledger.acknowledged, ledger.unanswered, ledger.put_off, ledger.repeated, stack.post.repeated
            )
            print(report.faults[:20], f"{time.monotonic() - begun:.1f} s")
            print(stack.tail()[-3000:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
