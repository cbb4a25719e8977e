"""Stories in which somebody joins or is waited for: by video, as a provider reports, or at the front desk."""

import random
from dataclasses import replace
from datetime import datetime, timedelta

from webapp.demo.calendar import Place
from webapp.demo.desk import Client
from webapp.demo.people import VIDEO
from webapp.demo.stories import MINUTE, Story, Teller
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.outcomes import COMPLETED_REASON, Policy, absence_note
from webapp.models import Appointment
from webapp.vocabulary import AttendanceSide, AttendanceSource, NoShowParty, OutcomePolicy

CLIENT, STAFF = AttendanceSide.CLIENT, AttendanceSide.STAFF
LENGTH = 45 * MINUTE
POLICY = Policy()


def by_video(place: Place) -> Place:
    """The first three quarters of an hour of a place, as a meeting by video."""
    return replace(place, kind=VIDEO, end=place.start + LENGTH)


def both_joined(teller: Teller, place: Place, client: Client, *, ticked: bool = False) -> Story:
    """Both came in time; it is ``ticked`` off, or nobody writes anything down.

    Then the system does in the end, where it may, and else the front desk if that was long ago.
    """
    rng, appointment, made = _booked(teller, place, client)
    yield made
    booked = appointment()
    for side, early in ((STAFF, rng.randint(-4, 0)), (CLIENT, rng.randint(-2, 5))):
        when = place.start + MINUTE * early
        yield when
        _joins(teller, booked, side, when)
    if ticked or (not _decides(teller) and teller.desk.calendar.settled(place)):
        yield from teller.completed(booked, place, rng)
        return
    closed = place.end + timedelta(minutes=teller.desk.calendar.house.complete_after + 1)
    yield closed
    if _decides(teller):
        teller.desk.complete(booked, teller.desk.system(), closed, reason=COMPLETED_REASON)


def one_missing(
    teller: Teller,
    place: Place,
    client: Client,
    party: NoShowParty,
    *,
    late: bool = False,
    told: bool = False,
) -> Story:
    """Somebody had not joined half an hour after the start: a no-show of whom the facts show missing.

    The system records it where the firm lets it, else a person is to say so, and has if it was ``told``. A
    ``late`` client joins after that.
    """
    _rng, appointment, made = _booked(teller, place, client)
    yield made
    booked = appointment()
    there = {NoShowParty.CLIENT: STAFF, NoShowParty.STAFF: CLIENT}.get(party)
    if there is not None:
        yield place.start + MINUTE
        _joins(teller, booked, there, place.start + MINUTE)
    threshold = place.start + timedelta(minutes=POLICY.no_show_after)
    yield threshold + MINUTE
    if _decides(teller):
        teller.desk.no_show(
            booked,
            teller.desk.system(),
            party,
            absence_note(POLICY),
            threshold + MINUTE,
            occurred_at=threshold,
        )
    elif told:
        teller.desk.no_show(booked, teller.desk.front(), party, "", threshold + MINUTE)
    if late:
        yield threshold + 7 * MINUTE
        _joins(teller, booked, CLIENT, threshold + 7 * MINUTE)


def waits_now(teller: Teller, place: Place, client: Client, since: datetime) -> Story:
    """Booked before today; the front desk has said that the client is there."""
    _rng, appointment, made = _booked(teller, place, client)
    yield made
    booked = appointment()
    yield since
    teller.desk.attend(booked, teller.desk.front(), CLIENT, AttendanceSource.FRONT_DESK, since)


class _Booking:
    """Books a place when it is called: at the moment at which its story is."""

    def __init__(
        self, teller: Teller, place: Place, client: Client, rng: random.Random, made: datetime
    ) -> None:
        self._book = lambda: teller.desk.book(
            teller.desk.booker(place, rng), teller.desk.draft(place, client, rng), made
        )

    def __call__(self) -> Appointment:
        return self._book()


def _booked(teller: Teller, place: Place, client: Client) -> tuple[random.Random, _Booking, datetime]:
    rng = teller.dice(place)
    made = teller.made(place, rng)
    return rng, _Booking(teller, place, client, rng, made), made


def _decides(teller: Teller) -> bool:
    """Whether the firm lets the system decide."""
    return teller.desk.calendar.house.policy is OutcomePolicy.DECIDE


def _joins(teller: Teller, appointment: Appointment, side: AttendanceSide, when: datetime) -> None:
    provider = Actor.system(teller.desk.firm_id, "the video provider")
    teller.desk.attend(appointment, provider, side, AttendanceSource.PROVIDER, when)
