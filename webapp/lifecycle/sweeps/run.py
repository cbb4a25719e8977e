"""A sweep of one firm, and of all."""

import logging
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Unavailable
from webapp.lifecycle.sweeps import batches, due, fuse, problems
from webapp.lifecycle.sweeps import plan as plans
from webapp.lifecycle.sweeps.report import KindReport, Report
from webapp.models import Firm, WorkerHeartbeat

BATCH = 1000
"""Rows that one transaction moves."""

Stop = Callable[[], bool]

log = logging.getLogger(__name__)


def sweep(
    session: Session,
    *,
    firm_id: int,
    now: datetime,
    last_sweep: datetime | None = None,
    dry_run: bool = False,
    limit: int = BATCH,
    stop: Stop | None = None,
) -> Report:
    """Decide what is due in one firm, in transactions of at most ``limit`` rows; commits by itself.

    ``last_sweep`` is when any worker last went through all firms; None leaves the clock unchecked. ``stop``
    is asked between two batches. A dry run reads, takes no lock and writes nothing.

    Raises:
        Missing: there is no such firm.
    """
    _begin_reading(session)
    plan = plans.load(session, firm_id=firm_id, now=now)
    kinds = plan.kinds()
    free = [kind for kind in kinds if kind not in plan.open]
    ready, held = fuse.look(session, plan, free, clock=fuse.jumped(now, last_sweep))
    found = {kind: KindReport(kind, held=stays) for kind, stays in plan.open.items() if kind in kinds}
    found |= {kind: KindReport(kind, held=trip) for kind, trip in held.items()}
    if dry_run:
        found |= {kind: KindReport(kind, moved=due.count(session, plan, kind)) for kind in ready}
    session.commit()
    if not dry_run:
        for kind, trip in held.items():
            fuse.hold(session, plan, kind, trip)
        for kind in ready:
            tally = batches.run(session, plan, kind, limit=limit, stop=stop)
            found[kind] = KindReport(kind, tally.moved, tally.problems)
        if plan.aside:
            problems.forget_solved(session, plan)
    return Report(
        firm_id, plan.slug, now, dry_run, tuple(found[kind] for kind in plans.ORDER if kind in found)
    )


def sweep_all(
    session_factory: Callable[[], Session],
    *,
    now: datetime,
    dry_run: bool = False,
    check_clock: bool = True,
    limit: int = BATCH,
    stop: Stop | None = None,
) -> list[Report]:
    """Sweep every firm, each in a session of its own. A firm that fails is reported; the others go on.

    The clock is compared with the newest heartbeat of any worker unless ``check_clock`` is false.
    """
    with session_factory() as session:
        _begin_reading(session)
        firms = session.execute(sa.select(Firm.firm_id, Firm.slug).order_by(Firm.firm_id)).all()
        last = session.scalar(sa.select(sa.func.max(WorkerHeartbeat.swept_at))) if check_clock else None
        session.rollback()
    reports = []
    for firm_id, slug in firms:
        if stop and stop():
            break
        try:
            with session_factory() as session:
                reports.append(
                    sweep(
                        session,
                        firm_id=firm_id,
                        now=now,
                        last_sweep=last,
                        dry_run=dry_run,
                        limit=limit,
                        stop=stop,
                    )
                )
        except (SQLAlchemyError, Unavailable) as error:
            log.exception("the sweep of %s was not finished", slug)
            reports.append(Report(firm_id, slug, now, dry_run, failed=str(error).splitlines()[0]))
    return reports


def _begin_reading(session: Session) -> None:
    """What is only read does not take SQLite's write lock, whatever the session's own habit is."""
    session.commit()
    session.connection(execution_options={"write": False})
