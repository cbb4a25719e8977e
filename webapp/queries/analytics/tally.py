"""Counts by class, and the rates that follow from them. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from webapp.queries.analytics.classes import FIGURES, STATUSES, Fate, Figure
from webapp.queries.analytics.rates import Rate
from webapp.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Tally:
    """How many appointments are in each class. Definitions of the rates: see each."""

    counts: Mapping[Fate, int] = field(default_factory=Counter)

    def of(self, figure: Figure) -> int:
        return sum(self.counts.get(fate, 0) for fate in FIGURES[figure])

    def status(self, status: Status) -> int:
        return sum(self.counts.get(fate, 0) for fate in STATUSES[status])

    def rate(self, part: Figure, whole: Figure) -> Rate:
        return Rate(self.of(part), self.of(whole))

    @property
    def completion(self) -> Rate:
        """C / (C + N + X + U): what of the due meetings took place; a moved original is not among them."""
        return self.rate(Figure.COMPLETED, Figure.DUE)

    @property
    def attendance(self) -> Rate:
        """C / (C + N): of the meetings with an outcome."""
        return self.rate(Figure.COMPLETED, Figure.WITH_OUTCOME)

    @property
    def coverage(self) -> Rate:
        """(C + N) / (C + N + U): how many of the meetings that were to take place have an outcome."""
        recorded = self.of(Figure.WITH_OUTCOME)
        return Rate(recorded, recorded + self.of(Figure.UNRECORDED))

    @property
    def no_show(self) -> Rate:
        """N / (C + N)."""
        return self.rate(Figure.NO_SHOW, Figure.WITH_OUTCOME)

    @property
    def client_no_show(self) -> Rate:
        """(Nc + Nb) / (C + N): "both" counts for both sides."""
        return self.rate(Figure.CLIENT_MISSING, Figure.WITH_OUTCOME)

    @property
    def staff_no_show(self) -> Rate:
        """(Ns + Nb) / (C + N)."""
        return self.rate(Figure.STAFF_MISSING, Figure.WITH_OUTCOME)

    @property
    def client_alone(self) -> Rate:
        """Nc / (C + Nc): client missing while staff was there, the fair comparison between staff."""
        return self.rate(Figure.NO_SHOW_CLIENT, Figure.COMPLETED_OR_CLIENT)

    @property
    def cancellation(self) -> Rate:
        """X / (C + N + X + U), of starts already past: never above one."""
        return self.rate(Figure.CANCELLED, Figure.DUE)

    @property
    def late_cancellation(self) -> Rate:
        """The cancellations inside the type's notice, with the same denominator."""
        return self.rate(Figure.CANCELLED_LATE, Figure.DUE)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(Counter(self.counts) + Counter(other.counts))

    def __sub__(self, other: "Tally") -> "Tally":
        """The others: ``all_staff - lena``."""
        return Tally({fate: count - other.counts.get(fate, 0) for fate, count in self.counts.items()})
