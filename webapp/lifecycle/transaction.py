"""Running one unit of work: commit once, roll back on any error, try again where the engine asks for it."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Unavailable

Result = TypeVar("Result")

TRIES = 3
RETRY_STATES = {"40001", "40P01"}  # serialization failure, deadlock: PostgreSQL, appendix A


def is_retryable(error: DBAPIError) -> bool:
    """Whether the engine gave up on a transaction that would go through when run again."""
    return getattr(error.orig, "sqlstate", None) in RETRY_STATES


def run(session: Session, work: Callable[[], Result]) -> Result:
    """Do ``work`` in a transaction that may write, and commit. On an error everything is rolled back.

    What the session has read so far ends with that transaction; on SQLite the new one begins as a writer at
    once (see ``models.engine``). ``work`` must load what it changes itself: after a roll-back it is called
    again from the start, at most three times in all, when PostgreSQL reports a deadlock or a serialization
    failure.

    Raises:
        Unavailable: the database is locked, gone, or gave up each time.
    """
    for attempt in range(1, TRIES + 1):
        try:
            session.commit()  # ends what was only read so far
            session.connection(execution_options={"write": True})
            result = work()
            session.commit()
        except DBAPIError as error:
            session.rollback()
            if is_retryable(error) and attempt < TRIES:
                continue
            if isinstance(error, OperationalError | InterfaceError):
                raise Unavailable("The database did not answer. Wait a moment, then try again.") from error
            raise
        except BaseException:
            session.rollback()
            raise
        else:
            return result
    raise AssertionError("unreachable: the last try returns or raises")
