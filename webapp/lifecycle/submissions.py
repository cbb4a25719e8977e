"""One effect per form: a token that has had its effect gets the first answer again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.models import Submission

KEEP = timedelta(days=2)
AT_ONCE = 20
"""So many old tokens are forgotten with each new one: more go than come."""


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
    _forget_some(session, now)
    answer = work()
    session.execute(
        sa.update(Submission)
        .where(Submission.firm_id == firm_id, Submission.token == token)
        .values(answer=answer)
    )
    return answer, False


def _forget_some(session: Session, now: datetime) -> None:
    """Delete a few tokens older than two days, of any firm, that nobody else is deleting."""
    old = (
        sa.select(Submission.firm_id, Submission.token)
        .where(Submission.created_at < now - KEEP)
        .order_by(Submission.created_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        sa.delete(Submission)
        .where(sa.tuple_(Submission.firm_id, Submission.token).in_(old))
        .execution_options(synchronize_session=False)
    )
