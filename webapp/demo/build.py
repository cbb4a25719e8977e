"""Putting a demo firm into the database: its people first, then half a year of work and some weeks ahead."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy.orm import Session

from webapp.demo import fates, joins, people, polls
from webapp.demo.calendar import Calendar, Place
from webapp.demo.desk import Client, Desk
from webapp.demo.people import MARLOW, House
from webapp.demo.stories import MINUTE, Story, Teller, play
from webapp.lifecycle import clients, passwords, setup
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.clients import AccountFacts, ContactFacts
from webapp.lifecycle.terms import normalise
from webapp.localtime import Local, day_start
from webapp.models import AppointmentType, Contact, Firm
from webapp.vocabulary import NoShowParty, Role

SEED = 20260113
OPENED = timedelta(days=60)
"""How long before its first meeting the firm began to enter its diary."""
LEFT_OPEN = timedelta(hours=70)
"""How far back meetings lie that nobody entered an outcome for: over a weekend, and short of three days."""


def build(session: Session, house: House, *, now: datetime) -> Firm:
    """Make the firm and all it has, in the caller's transaction. The same day gives the same calendar."""
    opened = now - timedelta(days=house.days[0]) - OPENED
    calendar = Calendar(house, Local.named(house.timezone), now)
    firm = _firm(session, house, calendar, opened)
    desk = _desk(session, firm, calendar, opened)
    play(_stories(Teller(desk, SEED), _clients(session, desk, opened)), now)
    return firm


def _firm(session: Session, house: House, calendar: Calendar, opened: datetime) -> Firm:
    firm = setup.make_firm(session, name=house.name, slug=house.slug, timezone=house.timezone, now=opened)
    firm.is_demo = True
    firm.twelve_hour = firm.month_first = house.us_style
    firm.working_hours = calendar.hours()
    firm.cancel_notice = 24 * 60
    firm.reschedule_notice = 2 * 60
    firm.completion_policy = firm.no_show_policy = house.policy
    firm.complete_after = house.complete_after
    session.flush()
    return firm


def _desk(session: Session, firm: Firm, calendar: Calendar, opened: datetime) -> Desk:
    hashed = passwords.make_hash(people.PASSWORD)
    staff = {
        colleague.name: setup.make_user(
            session,
            firm_id=firm.firm_id,
            email=colleague.email,
            name=colleague.name,
            role=colleague.role,
            bookable=bool(colleague.kinds),
            password_hash=hashed,
            now=opened,
        )
        for colleague in calendar.house.staff
    }
    kinds = [
        AppointmentType(
            firm_id=firm.firm_id,
            name=kind.name,
            duration=kind.minutes,
            location=kind.location,
            tracked=kind.tracked,
            created_at=opened,
        )
        for kind in calendar.house.kinds
    ]
    session.add_all(kinds)
    session.flush()
    return Desk(
        session=session,
        firm_id=firm.firm_id,
        calendar=calendar,
        staff=staff,
        kinds={kind.name: kind.appointment_type_id for kind in kinds},
    )


def _clients(session: Session, desk: Desk, opened: datetime) -> list[Client]:
    """Every contact, and the accounts that come as a body."""
    owner = Actor.of_staff(next(user for user in desk.staff.values() if user.role is Role.OWNER))
    house = desk.calendar.house
    accounts = [
        clients.create_account(session, actor=owner, facts=AccountFacts(name=name), now=opened)
        for name in house.accounts
    ]
    found = []
    for number, line in enumerate(house.contacts):
        name, address, *more = (*line.split("|"), "")
        zone = next((part for part in more if "/" in part), None)
        account = next((accounts[int(part[1:])] for part in more if part.startswith("@")), None)
        facts = ContactFacts(
            name=name,
            email=f"{address or normalise(name).replace(' ', '.')}@example.com",
            phone=house.phone.format(100 + number),
            account_id=account.account_id if account else None,
            timezone=zone,
        )
        made: Contact = clients.create_contact(session, actor=owner, facts=facts, now=opened)
        found.append(Client(made.name, made.contact_id, made.account_id))
    return found + [Client(account.name, None, account.account_id) for account in accounts[:3]]


def _stories(teller: Teller, guests: list[Client]) -> Iterator[Story]:
    """A story for each place: what today needs first, then chains, then the rest by chance."""
    rng = random.Random(SEED)  # noqa: S311
    free = list(teller.desk.calendar.places(rng))
    at_hand = _Guests(guests, rng)
    yield from _today(teller, free, at_hand, rng)
    yield from _joins(teller, free, at_hand)
    yield from _by_video(teller, free, at_hand)
    if teller.desk.calendar.house is MARLOW:
        yield from _polls(teller, free, at_hand)
        yield from _polls_before(teller, free, at_hand)
    yield from _chains(teller, free, at_hand, rng)
    for place in free:
        yield fates.ordinary(teller, place, at_hand.next(place), rng)


class _Guests:
    """Clients in turn, shuffled anew each round, so that everybody comes, and nobody twice on a day."""

    def __init__(self, guests: list[Client], rng: random.Random) -> None:
        self._guests, self._rng, self._left = guests, rng, list[Client]()
        self._days: set[tuple[Client, date]] = set()

    def expect(self, name: str, places: list[Place]) -> None:
        """This client has something else on these days."""
        self._days.update(
            (client, place.day) for client in self._guests if client.name == name for place in places
        )

    def next(self, *places: Place) -> Client:
        """The next one who has no meeting on the days of these places."""
        days = {place.day for place in places}
        while True:
            for index in range(len(self._left) - 1, -1, -1):
                client = self._left[index]
                if not any((client, day) in self._days for day in days):
                    self._days.update((client, day) for day in days)
                    return self._left.pop(index)
            self._left = [*self._rng.sample(self._guests, len(self._guests)), *self._left]


def _take(free: list[Place], wanted: Callable[[Place], bool]) -> Iterator[Place]:
    """The first free place that fits, if any, no longer free."""
    for index, place in enumerate(free):
        if wanted(place):
            yield free.pop(index)
            return


def _today(teller: Teller, free: list[Place], guests: _Guests, rng: random.Random) -> Iterator[Story]:
    """What makes a day alive at any hour of it, whatever chance gives to the rest."""
    now, today = teller.desk.calendar.now.replace(second=0, microsecond=0), teller.desk.calendar.today
    free.sort(key=lambda place: (place.start, rng.random()))
    for place in _after(free, now - 90 * MINUTE, 1.0, rng):
        yield teller.kept(place, guests.next(place), soonest=2)  # before the one that is put beside it
        yield teller.squeezed_in(replace(place, end=place.start + 30 * MINUTE), guests.next(place))
    for minutes in (17, 39, 148, 1090, 1265, 1500):
        for place in _after(free, now + 75 * MINUTE, 0.4, rng):
            yield teller.waiting(place, guests.next(place), now - minutes * MINUTE)
    for hours in (3, 26, 50):
        deadline = now + timedelta(hours=hours)
        for place in _after(free, deadline + 60 * MINUTE, 0.5, rng):
            yield teller.awaiting(place, guests.next(place), deadline)
    for tell in (teller.missed, teller.cancelled, teller.cancelled):
        for place in _take(free, lambda place: place.day == today and rng.random() < 0.3):
            yield tell(place, guests.next(place))
    for since in (day_start(today, teller.desk.calendar.local.zone), *[now - LEFT_OPEN] * 3):
        for place in _between(free, since, now - 90 * MINUTE):
            yield teller.forgotten(place, guests.next(place))


def _joins(teller: Teller, free: list[Place], guests: _Guests) -> Iterator[Story]:
    """Somebody sits in the waiting room, if the firm is open at this hour."""
    now = teller.desk.calendar.now.replace(second=0, microsecond=0)
    for place in _between(free, now - 20 * MINUTE, now + 55 * MINUTE):
        yield joins.waits_now(
            teller, place, guests.next(place), max(now - 11 * MINUTE, place.start - 50 * MINUTE)
        )


def _by_video(teller: Teller, free: list[Place], guests: _Guests) -> Iterator[Story]:
    """Meetings of the last days whose provider reported who joined."""
    now = teller.desk.calendar.now

    def places(days: int) -> Iterator[Place]:
        low, high = now - timedelta(days=days), now - timedelta(hours=3)
        found = _take(
            free, lambda place: low < place.start < high and place.end - place.start >= joins.LENGTH
        )
        return map(joins.by_video, found)

    for days in (7, 2):  # the first one was left to people for long enough
        for place in places(days):
            yield joins.both_joined(teller, place, guests.next(place))
    for party in NoShowParty:
        for place in places(6):
            yield joins.one_missing(teller, place, guests.next(place), party)
    for _ in range(2):
        for place in places(4):
            yield joins.one_missing(teller, place, guests.next(place), NoShowParty.CLIENT, late=True)


def _polls(teller: Teller, free: list[Place], guests: _Guests) -> Iterator[Story]:
    """One poll that is open, one that holds a time; both with three times of one person's next week."""
    for tell, title in (
        (polls.opened, "Okafor Family Office: annual review"),
        (polls.held, "St Aldhelm’s Almshouses: trustees’ meeting"),
    ):
        places = _three(free, teller.desk.calendar.now + timedelta(days=3))
        if places:
            guests.expect(polls.invited(title)[0].name, places)
            yield tell(teller, places, title)


def _polls_before(teller: Teller, free: list[Place], guests: _Guests) -> Iterator[Story]:
    """Polls that are over, weeks apart."""
    now = teller.desk.calendar.now
    for number, title in enumerate(polls.BEFORE):
        back = timedelta(weeks=5 * (len(polls.BEFORE) - number))
        places = _three(free, now - back)
        if places:
            guests.expect(polls.invited(title)[0].name, places)
            yield polls.over(teller, places, title, accepted=number != len(polls.BEFORE) - 2)


def _three(free: list[Place], after: datetime) -> list[Place]:
    """Places of one person and kind on three days, no longer free; none if there are not three."""
    ahead = [place for place in free if place.start > after]
    for first in ahead:
        found = [first]
        for place in ahead:
            if (place.staff, place.kind) == (first.staff, first.kind) and place.day > found[-1].day:
                found.append(place)
        if len(found) >= 3:
            for place in found[:3]:
                free.remove(place)
            return found[:3]
    return []


def _between(free: list[Place], low: datetime, high: datetime) -> Iterator[Place]:
    return _take(free, lambda place: low < place.start < high)


def _after(free: list[Place], moment: datetime, chance: float, rng: random.Random) -> Iterator[Place]:
    """One of the next places after an instant."""
    return _take(free, lambda place: place.start > moment and rng.random() <= chance)


def _chains(teller: Teller, free: list[Place], guests: _Guests, rng: random.Random) -> Iterator[Story]:
    """Meetings that were moved once, twice or three times, to later and to earlier places."""
    for start in rng.sample(free, len(free) // 14):
        if start not in free:
            continue  # an earlier chain took it
        free.remove(start)
        chain = [start]
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
            chain += _nearby(free, chain[-1], rng)
        ends = rng.choice(("kept",) * 7 + ("missed", "cancelled"))
        yield teller.moved(chain, guests.next(*chain), ends=ends)


def _nearby(free: list[Place], place: Place, rng: random.Random) -> Iterator[Place]:
    """Another place of the same length and person, within a week."""
    return _take(
        free,
        lambda other: (
            (other.minutes, other.staff) == (place.minutes, place.staff)
            and timedelta() < abs(other.day - place.day) <= timedelta(days=7)
            and rng.random() < 0.25
        ),
    )
