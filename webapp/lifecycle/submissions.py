"""One effect per form: a token that has had its effect gets the first answer again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.models import Submission

KEEP = timedelta(days=2)


def once(
    session: Session, *, firm_id: int, token: str, now: datetime, work: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """Do ``work`` unless this token has already been answered.

    The claim is the first statement of the transaction, so a twin that arrives meanwhile waits for it and
    then finds the answer. If ``work`` fails, the caller's rollback frees the token again.

    Returns:
        The answer (JSON-able) and whether it is a repetition.
    """
    if not token:
        return work(), False
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    claimed = session.execute(
        insert(Submission)
        .values(firm_id=firm_id, token=token, answer={}, created_at=now)
        .on_conflict_do_nothing()
        .returning(Submission.token)
    ).one_or_none()
    if claimed is None:
        return session.get_one(Submission, (firm_id, token)).answer, True
    answer = work()
    session.execute(
        sa.update(Submission)
        .where(Submission.firm_id == firm_id, Submission.token == token)
        .values(answer=answer)
    )
    return answer, False


def forget_old(session: Session, now: datetime) -> int:
    """Delete tokens older than two days; returns how many."""
    gone = session.execute(
        sa.delete(Submission).where(Submission.created_at < now - KEEP).returning(Submission.token)
    )
    return len(gone.all())
