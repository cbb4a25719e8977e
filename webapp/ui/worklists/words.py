"""Sweeps in words for people."""

from webapp.queries.sweeps import Hold
from webapp.vocabulary import SweepKind

DONE = {
    SweepKind.COMPLETE: "would have been marked as completed",
    SweepKind.NO_SHOW: "would have been recorded as a no-show",
    SweepKind.EXPIRE: "would have expired",
    SweepKind.TIME_OUT: "would have been given up as not confirmed in time",
}
NOUNS = {
    SweepKind.COMPLETE: ("meeting", "meetings"),
    SweepKind.NO_SHOW: ("tracked meeting", "tracked meetings"),
    SweepKind.EXPIRE: ("request", "requests"),
    SweepKind.TIME_OUT: ("proposed time", "proposed times"),
}
TITLES = {
    SweepKind.COMPLETE: "Completions",
    SweepKind.NO_SHOW: "No-shows",
    SweepKind.EXPIRE: "Expired requests",
    SweepKind.TIME_OUT: "Unanswered confirmations",
}


def counted(hold: Hold) -> str:
    """``1,240 meetings``."""
    one, many = NOUNS[hold.kind]
    return f"{hold.row_count:,} {one if hold.row_count == 1 else many}"


def why(hold: Hold) -> str:
    """One sentence that says why a person is asked."""
    if hold.why == "clock":
        return (
            "The clock and the time of the last sweep do not fit together, or nothing swept for nearly a day."
        )
    return f"A usual day has {hold.usual:,}. So many at once may come from an import or a wrong clock."
