"""``daybook worker``: sweeps, reminders and the delivery of mail, until it is told to stop."""

import signal
import sys
from types import FrameType

import click
from flask.cli import with_appcontext

from webapp.cli.base import require_head, settings
from webapp.extensions import db
from webapp.lifecycle.log_lines import to_stderr
from webapp.worker import SWEEP_EVERY, Worker

STOPS = (signal.SIGTERM, signal.SIGINT)


@click.command(short_help="Do what is due: sweeps, reminders, mail.")
@click.option("--once", is_flag=True, help="Do one round of everything, then end; 1 if a part failed.")
@click.option(
    "--every",
    default=SWEEP_EVERY,
    show_default=True,
    type=click.FloatRange(0.05, 3600),
    metavar="SECONDS",
    help="The pause between two sweeps.",
)
@with_appcontext
def worker(once: bool, every: float) -> None:
    """Do what is due, each minute, and send mail within seconds, until SIGTERM or Ctrl-C.

    It then finishes the row in hand and ends with 0. Any number of workers may run at once.
    """
    require_head()
    db.session.remove()
    to_stderr(as_json=settings().log == "json")
    working = Worker(db.engine, settings(), every=every)
    _stop_on_signals(working)
    sys.exit(0 if working.run(once=once) else 1)


def _stop_on_signals(working: Worker) -> None:
    """The first signal lets the row in hand be finished, a second one ends the process at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        working.stop()
        for number in STOPS:
            signal.signal(number, signal.SIG_DFL)

    for number in STOPS:
        signal.signal(number, stop)
