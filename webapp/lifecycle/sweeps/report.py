"""What a sweep did, or would do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from webapp.vocabulary import SweepKind


class Why(StrEnum):
    """Why the fuse held something back."""

    VOLUME = "volume"
    CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for a manager. ``new`` is false where it had been waiting before this sweep."""

    why: Why
    row_count: int
    usual: int
    new: bool


@dataclass(frozen=True, slots=True)
class KindReport:
    """One kind in one firm. ``moved`` would be moved if it was a dry run; ``problems`` stepped aside."""

    kind: SweepKind
    moved: int = 0
    problems: int = 0
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """One firm. ``failed`` is a sentence where the sweep could not be finished; the next one tries again.

    ``jumped`` where the clock did not fit the last sweep: nothing was decided.
    """

    firm_id: int
    slug: str
    now: datetime
    dry_run: bool
    kinds: tuple[KindReport, ...] = ()
    failed: str = ""
    jumped: bool = False

    @property
    def moved(self) -> int:
        return sum(kind.moved for kind in self.kinds)

    def of(self, kind: SweepKind) -> KindReport:
        """The kind's report; one with nothing in it where there was nothing to report."""
        return next((report for report in self.kinds if report.kind is kind), KindReport(kind))
