"""A worker over one database, its clock standing at one instant, to be killed by a test."""

import logging
import sys
from datetime import datetime
from pathlib import Path

from tests.support.engines import settings_for
from tests.support.striking import strike
from webapp import clock
from webapp.config import Settings
from webapp.lifecycle.log_lines import OneLine
from webapp.models.engine import make_engine
from webapp.worker import Worker

BATCH = 20  # so that there are many to strike in


def main(url: str, now: str, smtp_url: str, folder: str, last: str) -> int:
    """Work until killed at the ``last`` dealing with the database; with 0, one round of everything."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    standing = datetime.fromisoformat(now)
    clock.now = lambda: standing  # type: ignore[assignment]
    known = settings_for(url, Path(folder))
    settings = Settings(
        database_url=url,
        secret_key=known.secret_key,
        instance_path=known.instance_path,
        smtp_url=smtp_url,
    )
    engine = make_engine(url)
    if last != "0":
        strike(engine, int(last))
    ended_well = Worker(engine, settings, every=0.2, batch=BATCH).run(once=last == "0")
    return 0 if ended_well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
