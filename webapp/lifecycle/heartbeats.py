"""Signs of life of the workers. Nothing here commits."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.models import WorkerHeartbeat

KEEP = timedelta(days=7)


def beat(session: Session, worker: str, now: datetime) -> None:
    """Say that this worker lives; the first time also that it has begun."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(WorkerHeartbeat).values(worker=worker, started_at=now, seen_at=now)
    session.execute(row.on_conflict_do_update(index_elements=[WorkerHeartbeat.worker], set_={"seen_at": now}))


def swept(session: Session, worker: str, now: datetime) -> None:
    """Say that this worker went through all firms, at the instant that the sweep took for now."""
    _set(session, worker, swept_at=now)


def stopped(session: Session, worker: str, now: datetime) -> None:
    """Say that this worker has ended in good order."""
    _set(session, worker, seen_at=now, stopped_at=now)


def _set(session: Session, worker: str, **values: datetime) -> None:
    session.execute(
        sa.update(WorkerHeartbeat)
        .where(WorkerHeartbeat.worker == worker)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def forget_old(session: Session, now: datetime) -> int:
    """Delete workers that have not been seen for a week; the newest sweep is kept. Returns how many."""
    newest = sa.select(sa.func.max(WorkerHeartbeat.swept_at)).scalar_subquery()
    gone = session.execute(
        sa.delete(WorkerHeartbeat)
        .where(
            WorkerHeartbeat.seen_at < now - KEEP,
            sa.or_(WorkerHeartbeat.swept_at.is_(None), WorkerHeartbeat.swept_at < newest),
        )
        .returning(WorkerHeartbeat.worker)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
