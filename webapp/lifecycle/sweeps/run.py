"""A sweep of one firm, and of all."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from webapp.lifecycle import transaction
from webapp.lifecycle.errors import Unavailable
from webapp.lifecycle.sweeps import batches, due, fuse, problems
from webapp.lifecycle.sweeps import plan as plans
from webapp.lifecycle.sweeps.report import KindReport, Report
from webapp.models import Firm, FirmSweep

BATCH = 1000
"""Rows that one transaction moves."""

Stop = Callable[[], bool]

log = logging.getLogger(__name__)


def sweep(
    session: Session,
    *,
    firm_id: int,
    now: datetime,
    dry_run: bool = False,
    check_clock: bool = True,
    limit: int = BATCH,
    stop: Stop | None = None,
) -> Report:
    """Decide what is due in one firm, in transactions of at most ``limit`` rows; commits by itself.

    ``now`` is compared with the firm's last sweep unless ``check_clock`` is false. ``stop`` is asked between
    two batches. A dry run reads, takes no lock and writes nothing.

    Raises:
        Missing: there is no such firm.
    """
    _begin_reading(session)
    plan = plans.load(session, firm_id=firm_id, now=now)
    kinds, jumped = plan.kinds(), check_clock and fuse.jumped(plan)
    free = [kind for kind in kinds if kind not in plan.open]
    ready, held = fuse.look(session, plan, free, clock=jumped)
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
    told = tuple(found[kind] for kind in plans.ORDER if kind in found)
    return Report(firm_id, plan.slug, now, dry_run, told, jumped=jumped)


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

    Unless it is a dry run, it is written down which firms were looked at, and by a clock that was believed.
    """
    with session_factory() as session:
        _begin_reading(session)
        firms = session.execute(sa.select(Firm.firm_id, Firm.slug).order_by(Firm.firm_id)).all()
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
                        dry_run=dry_run,
                        check_clock=check_clock,
                        limit=limit,
                        stop=stop,
                    )
                )
        except (SQLAlchemyError, Unavailable) as error:
            log.exception("the sweep of %s was not finished", slug)
            reports.append(Report(firm_id, slug, now, dry_run, failed=str(error).splitlines()[0]))
    if check_clock and not dry_run:
        with session_factory() as session:
            write_down(session, reports, now=now)
    return reports


def write_down(session: Session, reports: Sequence[Report], *, now: datetime) -> None:
    """Keep when the firms of these reports were swept; those that failed were not. One statement; commits."""
    rows = [
        {"firm_id": report.firm_id, "looked_at": now, "believed_at": None if report.jumped else now}
        for report in reports
        if not report.failed
    ]
    if not rows:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(FirmSweep).values(rows)
    given = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[FirmSweep.firm_id],
        set_={
            "looked_at": given.looked_at,
            "believed_at": sa.func.coalesce(given.believed_at, FirmSweep.believed_at),
        },
    )
    transaction.run(session, lambda: session.execute(statement))


def _begin_reading(session: Session) -> None:
    """What is only read does not take SQLite's write lock, whatever the session's own habit is."""
    session.commit()
    session.connection(execution_options={"write": False})
