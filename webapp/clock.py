"""The only clock. Entry points read it once and pass the instant down as ``now``."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, aware, in UTC, cut to whole microseconds."""
    return datetime.now(UTC)
