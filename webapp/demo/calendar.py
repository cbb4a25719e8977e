"""The places in a demo firm's calendar, and the hours at which people do things."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from webapp.demo.people import Colleague, House
from webapp.lifecycle.slots import wall
from webapp.localtime import Local

STEP = 15
LUNCH = (750, 795)
FULL = 35
"""For so many days back the diary has been as full as it is now."""
SETTLED = 8
"""What is more days back than this has its outcome, from people or from the system."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A free place in somebody's day (UTC)."""

    staff: str
    kind: str
    start: datetime
    end: datetime
    day: date

    @property
    def minutes(self) -> int:
        return int((self.end - self.start).total_seconds() // 60)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The firm's days around today. A weekend is closed, but for the weekday that today happens to be."""

    house: House
    local: Local
    now: datetime

    @property
    def today(self) -> date:
        return self.local.day_of(self.now)

    def colleague(self, name: str) -> Colleague:
        return next(person for person in self.house.staff if person.name == name)

    def hours(self) -> list[list[list[int]]]:
        """Opening hours per weekday, as the firm keeps them."""
        span = [self.house.opens, self.house.closes]
        return [[span] if weekday < 5 or weekday == self.today.weekday() else [] for weekday in range(7)]

    def is_open(self, day: date) -> bool:
        return day.weekday() < 5 or day == self.today

    def days(self) -> list[date]:
        """Every open day, from the first to the last."""
        back, ahead = self.house.days
        around = (self.today + timedelta(days=offset) for offset in range(-back, ahead + 1))
        return [day for day in around if self.is_open(day)]

    def settled(self, place: Place) -> bool:
        """Whether a meeting there was so long ago that nothing about it is open."""
        return (self.today - place.day).days > SETTLED

    def share(self, day: date) -> float:
        """How full a day's diary is, of what it is now: the firm has grown."""
        back, first = (self.today - day).days, self.house.days[0]
        if back <= FULL:
            return 1.0
        return 1.0 - (1.0 - self.house.began) * (back - FULL) / (first - FULL)

    def working_day(self, day: date, steps: int) -> date:
        """So many open days before (negative) or after a day; 0 is the day, or the open one before it."""
        while not self.is_open(day):
            day -= timedelta(days=1)
        for _ in range(abs(steps)):
            day += timedelta(days=1 if steps > 0 else -1)
            while not self.is_open(day):
                day += timedelta(days=1 if steps > 0 else -1)
        return day

    def at_work(self, day: date, rng: random.Random) -> datetime:
        """Some minute of a working day on which somebody sits at the desk."""
        return wall(day, rng.randrange(self.house.opens + 10, self.house.closes - 30), self.local)

    def places(self, rng: random.Random) -> Iterator[Place]:
        """Everybody's days, laid out one meeting after another with gaps between."""
        lengths = {kind.name: kind.minutes for kind in self.house.kinds}
        for day in self.days():
            share = self.share(day)
            for person in self.house.staff:
                if not person.kinds:
                    continue
                minute = self.house.opens + rng.choice(self.house.gaps)
                while True:
                    kind = rng.choice(person.kinds)
                    if minute < LUNCH[1] and minute + lengths[kind] > LUNCH[0]:
                        minute = LUNCH[1] + rng.choice((0, STEP))
                    if minute + lengths[kind] > self.house.closes:
                        break
                    if rng.random() < share:
                        start = wall(day, minute, self.local)
                        yield Place(person.name, kind, start, start + timedelta(minutes=lengths[kind]), day)
                    minute = _on_step(minute + lengths[kind] + rng.choice(self.house.gaps))


def _on_step(minute: int) -> int:
    return -(-minute // STEP) * STEP
