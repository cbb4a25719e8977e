"""A process that delivers what is due at one instant, to be killed by a test."""

import sys
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path

from sqlalchemy.orm import Session

from tests.support.engines import settings_for
from tests.support.striking import strike
from webapp.delivery.webhooks import run
from webapp.models.engine import make_engine


def main(url: str, now: str, folder: str, last: str) -> None:
    """Deliver, and die at the ``last`` dealing with the database; with 0, when somebody kills it."""
    engine = make_engine(url)
    settings = replace(
        settings_for(url, Path(folder)), webhook_networks=(ip_network("127.0.0.0/8"), ip_network("::1"))
    )
    if last != "0":
        strike(engine, int(last))
    run.deliver(
        lambda: Session(engine, expire_on_commit=False, execution_options={"write": True}),
        settings=settings,
        now=datetime.fromisoformat(now),
        worker=f"killed {last} {now}",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
