"""One appointment with every booking of its chain and everything recorded of them, for a third party."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from webapp.localtime import Local
from webapp.queries import appointments, proofs
from webapp.queries.appointments import Event, Link, Story
from webapp.ui.prints.paper import Paper
from webapp.ui.rows import PARTY
from webapp.vocabulary import (
    Action,
    ActorKind,
    AttendanceSide,
    AttendanceSource,
    CancelledBy,
    NoShowParty,
    Override,
)

ACTIONS = {
    Action.REQUEST: "Requested by the client",
    Action.BOOK: "Booked",
    Action.PROPOSE: "Proposed",
    Action.APPROVE: "Request approved",
    Action.DECLINE: "Request declined",
    Action.EXPIRE: "Request expired unanswered",
    Action.CONFIRM: "Confirmed",
    Action.TIME_OUT: "Confirmation ran out of time",
    Action.CANCEL: "Cancelled",
    Action.RESCHEDULE: "Moved to another time",
    Action.COMPLETE: "Recorded as completed",
    Action.MARK_NO_SHOW: "Recorded as no-show",
    Action.CORRECT: "Outcome corrected",
    Action.IMPORT: "Brought along by an import",
}
MOVED_HERE = "Made by moving the booking before"
OVERRIDES = {
    Override.RESCHEDULE_LIMIT: "past the limit of moves",
    Override.RESCHEDULE_NOTICE: "past the notice for moving",
    Override.CANCEL_NOTICE: "past the notice for cancelling",
    Override.DOUBLE_BOOKING: "as a deliberate double booking",
}
SIDES = {
    CancelledBy.CLIENT: "On the client’s side",
    CancelledBy.STAFF: "On the side of staff",
    CancelledBy.SYSTEM: "By a deadline",
}
KINDS = {ActorKind.STAFF: "staff", ActorKind.CLIENT: "client", ActorKind.SYSTEM: "automatic"}
PLACES = {"location": "Place", "notes": "Note", "contact": "Client"}
FORMER = "the client at the time"
LEFT_OUT = "Reason left out"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record: when it was made, what it says, by whom. ``number`` counts through the whole chain.

    ``party`` says who did not show after it, ``party_was`` before it; ``kind`` is what the actor was.
    """

    number: int
    reference: int
    recorded_at: datetime
    recorded: str
    what: str
    status: str
    was: str
    party: str
    party_was: str
    by: str
    kind: str
    details: list[str]


@dataclass(frozen=True, slots=True)
class Told:
    """A recorded event, and whether the client was another one then."""

    event: Event
    former: bool


@dataclass(frozen=True, slots=True)
class Booking:
    link: Link
    current: bool
    when: str
    entries: list[Entry]


COLUMNS: tuple[tuple[str, Callable[[Entry], object]], ...] = (
    ("Entry", lambda entry: entry.number),
    ("Reference", lambda entry: entry.reference),
    ("Recorded", lambda entry: entry.recorded_at),
    ("What", lambda entry: entry.what),
    ("Status", lambda entry: entry.status),
    ("Who didn’t show", lambda entry: entry.party),
    ("Status before", lambda entry: entry.was),
    ("Who didn’t show before", lambda entry: entry.party_was),
    ("By", lambda entry: entry.by),
    ("Acting as", lambda entry: entry.kind),
    ("Details", lambda entry: "; ".join(entry.details)),
)


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves one booking's part of the history: how many entries, the last digest, under which seals."""

    reference: int
    entries: int
    digest: str
    seals: str
    waiting: int


def dossier(session: Any, *, firm_id: int, appointment_id: int, local: Local) -> Paper:
    """Six statements, whatever the length of the chain.

    Raises:
        Missing: the firm has no such appointment.
    """
    story = appointments.story(session, firm_id=firm_id, appointment_id=appointment_id)
    told = _told_of(story)
    bookings = list(_bookings(story, told, local))
    entries = [entry for booking in bookings for entry in booking.entries]
    appointment = story.appointment
    return Paper(
        template="prints/dossier.html",
        title=f"Dossier of appointment {appointment_id}",
        stem=f"dossier-{appointment_id}",
        back=(f"/appointments/{appointment_id}", f"Appointment {appointment_id}"),
        context={
            "appointment": appointment,
            "booked_by": FORMER if _theirs(told[0][0]) else appointment.booked_by,
            "former": any(_theirs(one) for found in told for one in found),
            "bookings": bookings,
            "count": len(entries),
            "moves": len(bookings) - 1,
            "zone": local.zone.key,
            "proofs": _proofs(session, firm_id, story),
        },
        columns=COLUMNS,
        records=lambda: entries,
    )


def proof_lines(session: Any, *, firm_id: int, appointment_id: int) -> Iterator[dict[str, Any]]:
    """The same chain as the verifier reads it. What the dossier leaves out is shown by its commitment alone.

    Raises:
        Missing: the firm has no such appointment.
    """
    story = appointments.story(session, firm_id=firm_id, appointment_id=appointment_id)
    withheld = set()
    for booking, told in zip(story.bookings, _told_of(story), strict=True):
        entries = [one for one in told if one.event.action]
        number = booking.link.appointment_id
        withheld |= {(number, place) for place, one in enumerate(entries, 1) if _theirs(one)}
    chain = [booking.link.appointment_id for booking in story.bookings]
    return proofs.proof_of(session, firm_id=firm_id, appointment_ids=chain, withheld=withheld)


def _proofs(session: Any, firm_id: int, story: Story) -> list[Proof]:
    chain = [booking.link.appointment_id for booking in story.bookings]
    marks = proofs.marks(session, firm_id=firm_id, appointment_ids=chain)
    found = []
    for reference in chain:
        mine = [mark for mark in marks if mark.appointment_id == reference]
        numbers = sorted({mark.seal.number for mark in mine if mark.seal})
        waiting = sum(mark.seal is None for mark in mine)
        digest = mine[-1].entry_hash or "still to come"
        found.append(Proof(reference, len(mine), digest, ", ".join(map(str, numbers)), waiting))
    return found


def _told_of(story: Story) -> list[list[Told]]:
    """Of each booking its events. Clients are told apart by how often the client had been changed by then.

    A booking is made with the client that the one before it had at that moment.
    """
    seen: list[list[tuple[Event, int]]] = []
    changes = this = 0
    for booking in story.bookings:
        made_at = booking.events[0].changed_at
        before = seen[-1] if seen else []
        client = max((client for event, client in before if event.changed_at <= made_at), default=0)
        seen.append([])
        for event in booking.events:
            if "contact" in (event.changes or {}):
                changes += 1
                client = changes
            seen[-1].append((event, client))
        if booking.link.appointment_id == story.appointment.appointment_id:
            this = client
    return [[Told(event, client != this) for event, client in found] for found in seen]


def _theirs(told: Told) -> bool:
    """Whether another client than the dossier's did this."""
    return told.former and told.event.actor_kind is ActorKind.CLIENT


def _bookings(story: Story, told: list[list[Told]], local: Local) -> Iterator[Booking]:
    number = 0
    for booking, found in zip(story.bookings, told, strict=True):
        link, entries = booking.link, []
        party: NoShowParty | None = None
        for one in found:
            event = one.event
            number += 1
            entries.append(_entry(number, link, one, party, local))
            party = event.party if event.action else party
        current = link.appointment_id == story.appointment.appointment_id
        day = local.full_day(local.day_of(link.start_time))
        yield Booking(link, current, f"{day}, {local.range(link.start_time, link.end_time)}", entries)


def stamp(moment: datetime, local: Local) -> str:
    """``Tue 13 Jan 2026, 10:00:05 +00:00``: with seconds and offset, so that nobody has to guess."""
    wall = local.at(moment)
    return f"{local.full_day(wall.date())}, {wall:%H:%M:%S} {wall.isoformat()[-6:]}"


def _entry(number: int, link: Link, told: Told, before: NoShowParty | None, local: Local) -> Entry:
    """``before`` is who had not shown until then, as far as was known."""
    event = told.event
    what, details = _told(told, local)
    return Entry(
        number=number,
        reference=link.appointment_id,
        recorded_at=event.changed_at,
        recorded=stamp(event.changed_at, local),
        what=what,
        status=event.status.value if event.action else "",
        was=event.from_status.value if event.from_status else "",
        party=PARTY[event.party] if event.party else "",
        party_was=PARTY[before] if before and event.action else "",
        by=FORMER if _theirs(told) else event.actor_label,
        kind=_kind(event),
        details=details,
    )


def _kind(event: Event) -> str:
    """Of arrivals, only the front desk is known to be staff."""
    if event.fact is not None and event.fact.source is AttendanceSource.FRONT_DESK:
        return KINDS[ActorKind.STAFF]
    return KINDS[event.actor_kind] if event.actor_kind else ""


def _told(told: Told, local: Local) -> tuple[str, list[str]]:
    event = told.event
    if event.fact is not None:
        return _arrival(event, local)
    if event.action is None:
        return "Details changed", [_edit(field, *change) for field, change in (event.changes or {}).items()]
    details = [LEFT_OUT if _theirs(told) else f"Reason: {event.reason}"] if event.reason else []
    if event.action is Action.CANCEL and event.cancelled_by:
        details.append(SIDES[event.cancelled_by])
    details += [f"Done {OVERRIDES[Override(name)]}" for name in event.overrides]
    if event.occurred_at != event.changed_at:
        details.append(f"Happened {stamp(event.occurred_at, local)}")
    if event.action is Action.RESCHEDULE and event.from_status is None:
        return MOVED_HERE, details
    return ACTIONS[event.action], details


def _arrival(event: Event, local: Local) -> tuple[str, list[str]]:
    fact = event.fact
    assert fact is not None  # noqa: S101  the caller has looked
    side = "Client" if fact.side is AttendanceSide.CLIENT else "Staff"
    desk = fact.source is AttendanceSource.FRONT_DESK
    details = [f"At {stamp(event.occurred_at, local)}"]
    if fact.withdrawn_at:
        details.append(f"Taken back by {fact.withdrawn_by}, {stamp(fact.withdrawn_at, local)}")
    return f"{side} {'arrived, noted at the front desk' if desk else 'joined'}", details


def _edit(field: str, old: Any, new: Any) -> str:
    """What a note says, and who another client is, are for the firm; that they were changed is not."""
    name = PLACES.get(field, field.capitalize())
    if field == "contact":
        return f"{name} changed"
    if field == "notes":
        return f"{name} {'removed' if not new else 'added' if not old else 'rewritten'}"
    return f"{name}: {old or 'none'}, then {new or 'none'}"
