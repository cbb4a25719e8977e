"""Claims that end by themselves, and how long to wait after a failure."""

import zlib
from datetime import datetime, timedelta

LEASE = timedelta(minutes=5)
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
ERROR_LENGTH = 1000


def wait(attempts: int, number: int, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """How long until the next try: twice as long after each, from one minute to ``longest``, six hours.

    Up to a fifth is taken off, by the row's ``number`` and its tries, so that what failed together does not
    come back together.
    """
    whole: timedelta = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), longest)
    spread = zlib.crc32(f"{number}:{attempts}".encode()) / 2**32
    return max(FIRST_WAIT, whole * (1 - 0.2 * spread))


def sentence(error: BaseException) -> str:
    """An error as the outbox shows it, at most 1,000 characters."""
    return f"{type(error).__name__}: {error}"[:ERROR_LENGTH].replace("\x00", "")


def expires(moment: datetime) -> datetime:
    """When a claim made now ends by itself."""
    return moment + LEASE
