"""What becomes of a place in the calendar, as stories: each says when it goes on, then does the next thing.

A story is a generator of instants. The player resumes it at each of them, in the order of time over all
stories, so that histories are written as they would have been; it stops at the present.
"""

import heapq
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from webapp.demo import words
from webapp.demo.calendar import Place
from webapp.demo.desk import Client, Desk
from webapp.lifecycle.outcomes import COMPLETED_REASON
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy, NoShowParty, Status

Story = Iterator[datetime]
MINUTE = timedelta(minutes=1)
USUALLY, LONGEST = 7, 32
"""So many working days ahead a meeting is booked on average, and at most."""
SHORT_NOTICE = timedelta(hours=23)
CLIENT_MISSED = (NoShowParty.CLIENT,) * 8 + (NoShowParty.STAFF, NoShowParty.BOTH)


def play(stories: Iterable[Story], until: datetime) -> int:
    """Run all stories side by side up to an instant; returns how many things happened."""
    queue: list[tuple[datetime, int, Story]] = []
    for number, story in enumerate(stories):
        _queue(queue, number, story)
    happened = 0
    while queue and queue[0][0] <= until:
        _, number, story = heapq.heappop(queue)
        happened += 1
        _queue(queue, number, story)
    return happened


def _queue(queue: list[tuple[datetime, int, Story]], number: int, story: Story) -> None:
    when = next(story, None)
    if when is not None:
        heapq.heappush(queue, (when, number, story))


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells stories about one firm. Each has a random source of its own, so it is the same each time."""

    desk: Desk
    seed: int

    def dice(self, place: Place) -> random.Random:
        """The chances of one place, the same each time."""
        today = self.desk.calendar.today
        name = f"{self.seed}/{(place.day - today).days}/{place.staff}/{place.start:%H%M}"
        return random.Random(name)  # noqa: S311 - the same each time is the point

    def made(self, place: Place, rng: random.Random, *, soonest: int = 1, longest: int = LONGEST) -> datetime:
        """When a place was booked: some working days before it, mostly few, and not after the present."""
        calendar = self.desk.calendar
        last = min(place.day, calendar.today)
        steps = min(soonest + int(rng.expovariate(1 / USUALLY)), longest)
        moment = calendar.at_work(calendar.working_day(last, -steps), rng)
        return moment.replace(second=0, microsecond=0)

    def booked_at(self, place: Place) -> datetime:
        """When an ordinary meeting in this place was booked, or will have been."""
        return self.made(place, self.dice(place))

    def between(self, low: datetime, high: datetime, rng: random.Random) -> datetime:
        """Some whole minute after ``low`` and before ``high``, by day where there is room."""
        span = (high - low) / MINUTE
        tries = (low + MINUTE * int(span * rng.uniform(0.1, 0.9)) for _ in range(8))
        moments = [max(moment, low + MINUTE) for moment in tries]
        local = self.desk.calendar.local
        return next((moment for moment in moments if 9 <= local.at(moment).hour < 18), moments[0])

    def kept(self, place: Place, client: Client, *, asked: bool = False, soonest: int = 1) -> Story:
        """Booked, or asked for and approved; then it took place."""
        rng = self.dice(place)
        made = self.made(place, rng, soonest=soonest)
        yield made
        if asked:
            draft = self.desk.draft(place, client, rng, reason=rng.choice(words.REQUESTS))
            appointment = self.desk.request(client, draft, made)
            approved = min(made + MINUTE * rng.randint(8, 300), place.start - 30 * MINUTE)
            yield approved
            self.desk.approve(appointment, self.desk.booker(place, rng), approved)
        else:
            appointment = self._booked(place, client, rng, made)
        yield from self.completed(appointment, place, rng)

    def _booked(self, place: Place, client: Client, rng: random.Random, made: datetime) -> Appointment:
        return self.desk.book(self.desk.booker(place, rng), self.desk.draft(place, client, rng), made)

    def completed(self, appointment: Appointment, place: Place, rng: random.Random) -> Story:
        """Somebody ticks it off within half an hour of its end."""
        ticked = appointment.end_time + MINUTE * rng.randint(1, 25)
        yield ticked
        self.desk.complete(appointment, self.desk.booker(place, rng), ticked)

    def left_open(self, place: Place, client: Client) -> Story:
        """It took place, nobody ticked it off, and in the end the system did."""
        rng = self.dice(place)
        made = self.made(place, rng)
        yield made
        appointment = self._booked(place, client, rng, made)
        closed = place.end + timedelta(minutes=self.desk.calendar.house.complete_after + 1)
        yield closed
        self.desk.complete(appointment, self.desk.system(), closed, reason=COMPLETED_REASON)

    def missed(self, place: Place, client: Client, parties: Sequence[NoShowParty] = CLIENT_MISSED) -> Story:
        """Somebody did not come: mostly the client."""
        rng = self.dice(place)
        made = self.made(place, rng)
        yield made
        appointment = self._booked(place, client, rng, made)
        seen = place.start + MINUTE * rng.randint(16, 40)
        yield seen
        party = rng.choice(parties)
        notes = {
            NoShowParty.CLIENT: words.NO_SHOW_NOTES,
            NoShowParty.STAFF: words.STAFF_NO_SHOW_NOTES,
            NoShowParty.BOTH: words.BOTH_NO_SHOW_NOTES,
        }
        self.desk.no_show(appointment, self.desk.booker(place, rng), party, rng.choice(notes[party]), seen)

    def forgotten(self, place: Place, client: Client) -> Story:
        """It was booked; nobody has written down what became of it."""
        rng = self.dice(place)
        made = self.made(place, rng)
        yield made
        self._booked(place, client, rng, made)

    def corrected(self, place: Place, client: Client) -> Story:
        """The outcome was entered wrongly, and a manager puts it right a few days later."""
        rng = self.dice(place)
        made = self.made(place, rng)
        yield made
        appointment = self._booked(place, client, rng, made)
        entered = place.end + MINUTE * rng.randint(1, 25)
        yield entered
        wrongly_completed = rng.random() < 0.6
        if wrongly_completed:
            self.desk.complete(appointment, self.desk.front(), entered)
        else:
            self.desk.no_show(appointment, self.desk.front(), NoShowParty.CLIENT, "", entered)
        righted = entered + MINUTE * rng.randint(90, 5 * 1440)
        yield righted
        if wrongly_completed:
            reason = rng.choice(words.TO_NO_SHOW)
            self.desk.correct(appointment, Status.NO_SHOW, NoShowParty.CLIENT, reason, righted)
        else:
            self.desk.correct(appointment, Status.COMPLETED, None, rng.choice(words.TO_COMPLETED), righted)

    def cancelled(self, place: Place, client: Client) -> Story:
        """Called off before its start, two times of three by the client, one of three at short notice."""
        rng = self.dice(place)
        made = self.made(place, rng)
        yield made
        appointment = self._booked(place, client, rng, made)
        by_client = rng.random() < 0.67
        low = max(made, place.start - SHORT_NOTICE) if rng.random() < 0.33 else made
        when = self.between(low, place.start, rng)
        yield when
        side = CancelledBy.CLIENT if by_client else CancelledBy.STAFF
        reasons = words.CLIENT_CANCELS if by_client else words.FIRM_CANCELS
        self.desk.cancel(appointment, side, rng.choice(reasons), when)

    def declined(self, place: Place, client: Client) -> Story:
        rng = self.dice(place)
        asked = self.made(place, rng)
        yield asked
        appointment = self.desk.request(client, self.desk.draft(place, client, rng), asked)
        answered = self.between(asked, min(place.start, asked + timedelta(days=2)), rng)
        yield answered
        self.desk.decline(appointment, rng.choice(words.DECLINES), answered)

    def expired(self, place: Place, client: Client) -> Story:
        """Asked for, and nobody answered."""
        rng = self.dice(place)
        asked = self.made(place, rng, longest=3)
        yield asked
        appointment = self.desk.request(client, self.desk.draft(place, client, rng), asked)
        yield place.start + 5 * MINUTE
        self.desk.expire(appointment, place.start + 5 * MINUTE)

    def waiting(self, place: Place, client: Client, asked: datetime) -> Story:
        """A request that waits for an answer now."""
        rng = self.dice(place)
        yield asked
        self.desk.request(
            client, self.desk.draft(place, client, rng, reason=rng.choice(words.REQUESTS)), asked
        )

    def proposed(self, place: Place, client: Client, *, answered: bool) -> Story:
        """Proposed to the invitees, who agree in time or do not."""
        rng = self.dice(place)
        made = self.made(place, rng, soonest=3)
        deadline = min(made + timedelta(days=2), place.start - timedelta(hours=2))
        yield made
        appointment = self.desk.propose(
            self.desk.draft(place, client, rng, reason=rng.choice(words.PROPOSALS), confirm_by=deadline), made
        )
        if not answered:
            yield deadline + 5 * MINUTE
            self.desk.time_out(appointment, deadline + 5 * MINUTE)
            return
        agreed = self.between(made, deadline, rng)
        yield agreed
        self.desk.confirm(appointment, agreed)
        yield from self.completed(appointment, place, rng)

    def awaiting(self, place: Place, client: Client, deadline: datetime) -> Story:
        """Proposed, with a deadline that has not passed."""
        rng = self.dice(place)
        made = self.made(place, rng)
        yield made
        reason = rng.choice(words.PROPOSALS)
        self.desk.propose(self.desk.draft(place, client, rng, reason=reason, confirm_by=deadline), made)

    def squeezed_in(self, place: Place, client: Client) -> Story:
        """Put beside another appointment of the same hour by the manager, on purpose."""
        rng = self.dice(place)
        calendar = self.desk.calendar
        made = calendar.at_work(calendar.working_day(min(place.day, calendar.today), -1), rng)
        yield made
        reason = rng.choice(words.DOUBLE_BOOKINGS)
        draft = self.desk.draft(place, client, rng, reason=reason, double_book=True)
        appointment = self.desk.book(self.desk.manager(), draft, made)
        yield from self.completed(appointment, place, rng)

    def moved(self, places: list[Place], client: Client, *, ends: str) -> Story:
        """A chain: booked into the first place, moved along the others; it ends kept, missed or cancelled."""
        rng = self.dice(places[0])
        made = self.made(min(places, key=lambda place: place.start), rng, soonest=3)
        yield made
        appointment = self._booked(places[0], client, rng, made)
        before = made
        for place, nxt in pairwise(places):
            when = self.between(before, min(place.start, *(later.start for later in places)), rng)
            yield when
            by_client = rng.random() < 0.65
            reason = rng.choice(words.CLIENT_MOVES if by_client else words.FIRM_MOVES)
            appointment = self.desk.move(appointment, nxt, self.desk.front(), reason, when)
            before = when
        last = places[-1]
        if ends == "missed":
            yield last.start + 20 * MINUTE
            self.desk.no_show(
                appointment, self.desk.front(), NoShowParty.CLIENT, "", last.start + 20 * MINUTE
            )
        elif ends == "cancelled":
            when = self.between(before, last.start, rng)
            yield when
            self.desk.cancel(appointment, CancelledBy.CLIENT, rng.choice(words.CLIENT_CANCELS), when)
        else:
            yield from self.completed(appointment, last, rng)
