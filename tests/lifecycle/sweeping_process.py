"""A process that sweeps one firm in small batches and says so after each, to be killed by a test."""

import sys
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.lifecycle.sweeps import sweep
from webapp.models.engine import make_engine


def main(url: str, firm_id: str, now: str) -> None:
    def told() -> bool:
        print("batch", flush=True)
        return False

    engine = make_engine(url)
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        sweep(session, firm_id=int(firm_id), now=datetime.fromisoformat(now), limit=10, stop=told)


if __name__ == "__main__":
    main(*sys.argv[1:])
