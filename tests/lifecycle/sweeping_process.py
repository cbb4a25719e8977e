"""A process that sweeps one firm in small batches, to be killed in the middle of one."""

import sys
from datetime import datetime

from sqlalchemy.orm import Session

from tests.support.striking import strike
from webapp.lifecycle.sweeps import sweep
from webapp.models.engine import make_engine


def main(url: str, firm_id: str, now: str, last: str) -> None:
    engine = make_engine(url)
    strike(engine, int(last))
    with Session(engine, execution_options={"write": True}, expire_on_commit=False) as session:
        sweep(session, firm_id=int(firm_id), now=datetime.fromisoformat(now), limit=10)


if __name__ == "__main__":
    main(*sys.argv[1:])
