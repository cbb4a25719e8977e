"""When a webhook is tried again, and when an endpoint is left alone."""

import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# The schedule of the Standard Webhooks specification: at once, and then so long after each failure.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
TRIES = len(WAITS) + 1
SPREAD = 0.1  # of a wait, added to it at most
LONGEST_ASKED = timedelta(hours=24)  # that a Retry-After may put off
GIVE_UP = timedelta(days=5)  # without a single success, the endpoint is switched off
SHORTEST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


def wait(attempts: int, number: int) -> timedelta:
    """How long after failure number ``attempts`` (from 1) the next try comes.

    Up to a tenth is added, by the row's ``number`` and its tries, so that what failed together does not come
    back together.
    """
    spread = zlib.crc32(f"{number}:{attempts}".encode()) / 2**32
    return WAITS[attempts - 1] * (1 + SPREAD * spread)


def rest(failing_since: datetime, moment: datetime) -> timedelta:
    """How long an endpoint gets nothing after a failure: a tenth of how long it has failed, 5 s to 5 min."""
    return min(LONGEST_REST, max(SHORTEST_REST, (moment - failing_since) / 10))


def asked(retry_after: str, moment: datetime) -> timedelta:
    """The wait that a ``Retry-After`` header asks for, in seconds or as a date (RFC 9110, 10.2.3).

    At most 24 hours; none for a past date or for what cannot be read.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST_ASKED, timedelta(seconds=int(text[:9])))
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone with too many digits
        return timedelta(0)
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(LONGEST_ASKED, max(timedelta(0), until - moment))
