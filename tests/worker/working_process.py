"""A worker over one database, its clock standing at one instant, to be killed by a test."""

import logging
import sys
from datetime import datetime
from pathlib import Path

from tests.support.engines import settings_for
from webapp import clock
from webapp.config import Settings
from webapp.models.engine import make_engine
from webapp.worker import OneLine, Worker


class Telling(Worker):
    """Says so between any two pieces of its work, so that a test can strike in the middle of it."""

    def stopping(self) -> bool:
        print("step", flush=True)
        return super().stopping()


def main(url: str, now: str, smtp_url: str, folder: str, mode: str) -> int:
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
    ended_well = Telling(make_engine(url), settings, every=0.2).run(once=mode == "once")
    return 0 if ended_well else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
