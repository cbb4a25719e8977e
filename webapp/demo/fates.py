"""What becomes of a meeting that nothing special is planned for: by chance, but not by the same for all.

Clients stay away the more often the longer ago they booked, a little more often early on a Monday and late on
a Friday, and from some people more than from others.
"""

import random
from collections.abc import Callable

from webapp.demo import joins
from webapp.demo.calendar import Place
from webapp.demo.desk import Client
from webapp.demo.stories import Story, Teller
from webapp.vocabulary import NoShowParty, OutcomePolicy

MISSED = ((2, 0.015), (4, 0.02), (8, 0.03), (15, 0.045), (31, 0.065))
"""Booked fewer days ahead than this: so often the client does not come."""
LONGEST_AHEAD = 0.1
MONDAY, FRIDAY = 0, 4
CLIENTS = (NoShowParty.CLIENT,) * 12 + (NoShowParty.BOTH,)
CALLED_OFF = 0.095
VIDEO_SHARE = 0.09
TICKED = 0.5
"""So often somebody ticks off a meeting by video that the system would complete in the end."""

Ladder = tuple[tuple[float, Callable[[], Story]], ...]


def ordinary(teller: Teller, place: Place, client: Client, rng: random.Random) -> Story:
    """The story of a place."""
    missed = rng.random() < chance_of_absence(teller, place)
    if teller.desk.calendar.settled(place):
        if place.end - place.start >= joins.LENGTH and rng.random() < VIDEO_SHARE:
            return _by_video(teller, joins.by_video(place), client, rng, missed=missed)
        if not missed and teller.desk.calendar.house.policy is OutcomePolicy.DECIDE and rng.random() < 0.06:
            return teller.left_open(place, client)
    if missed:
        return teller.missed(place, client, CLIENTS)
    return _on(_ladder(teller, place, client), rng.random())


def chance_of_absence(teller: Teller, place: Place) -> float:
    """How likely it is that the client does not come."""
    calendar = teller.desk.calendar
    ahead = (place.start - teller.booked_at(place)).total_seconds() / 86400
    base = next((chance for days, chance in MISSED if ahead < days), LONGEST_AHEAD)
    start = calendar.local.at(place.start)
    if (start.weekday(), start.hour < 10) == (MONDAY, True):
        base *= 1.7
    if (start.weekday(), start.hour >= 15) == (FRIDAY, True):
        base *= 1.3
    return base * calendar.colleague(place.staff).missed


def _by_video(teller: Teller, place: Place, client: Client, rng: random.Random, *, missed: bool) -> Story:
    if missed:
        return joins.one_missing(teller, place, client, NoShowParty.CLIENT, told=True)
    if rng.random() < CALLED_OFF:
        return teller.cancelled(place, client)
    return joins.both_joined(teller, place, client, ticked=rng.random() < TICKED)


def _ladder(teller: Teller, place: Place, client: Client) -> Ladder:
    return (
        (0.008, lambda: teller.missed(place, client, (NoShowParty.STAFF,))),
        (0.008 + CALLED_OFF, lambda: teller.cancelled(place, client)),
        (0.125, lambda: teller.declined(place, client)),
        (0.135, lambda: teller.expired(place, client)),
        (0.150, lambda: teller.corrected(place, client)),
        (0.195, lambda: teller.proposed(place, client, answered=True)),
        (0.205, lambda: teller.proposed(place, client, answered=False)),
        (0.340, lambda: teller.kept(place, client, asked=True)),
        (1.000, lambda: teller.kept(place, client)),
    )


def _on(ladder: Ladder, chance: float) -> Story:
    return next(tell for limit, tell in ladder if chance < limit)()
