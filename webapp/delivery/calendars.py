"""Calendar files (RFC 5545, sent by RFC 6047): one event for a chain, whose number rises."""

from dataclasses import dataclass
from datetime import datetime

from icalendar import Calendar, Event, vCalAddress, vText

from webapp.delivery import cleaning
from webapp.vocabulary import Answer, Status

PRODUCT = "-//Daybook//Appointments//EN"
REQUEST, CANCEL = "REQUEST", "CANCEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """What a calendar shows. Times are aware; ``sequence`` rises with each change of the chain from 0.

    ``answer`` is the attendee's, None where they have not given any.
    """

    chain_id: int
    sequence: int
    start_time: datetime
    end_time: datetime
    summary: str
    place: str
    description: str
    firm: str
    attendee: str
    attendee_name: str
    answer: Answer | None


def build(meeting: Meeting, *, status: Status, host: str, organizer: str, stamp: datetime) -> tuple[str, str]:
    """The file and its METHOD.

    A cancelled meeting leaves calendars by CANCEL; a confirmed one and one that awaits an answer come as
    REQUEST, so that a later one with the same UID takes its place. Times are in UTC: calendars show them by
    their own clocks, across every change of those.
    """
    method = CANCEL if status is Status.CANCELLED else REQUEST
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(_event(meeting, status, host, organizer, stamp))
    return calendar.to_ical().decode(), method


def _event(meeting: Meeting, status: Status, host: str, organizer: str, stamp: datetime) -> Event:
    tentative = status is Status.AWAITING_CONFIRMATION
    event = Event()
    event.add("uid", f"chain-{meeting.chain_id}@{host}")
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", stamp.replace(microsecond=0))
    event.add("dtstart", meeting.start_time)
    event.add("dtend", meeting.end_time)
    event.add("summary", cleaning.line(meeting.summary))
    if meeting.place:
        event.add("location", cleaning.line(meeting.place))
    if meeting.description:
        event.add("description", cleaning.prose(meeting.description, 1000))
    word = "CANCELLED" if status is Status.CANCELLED else "TENTATIVE" if tentative else "CONFIRMED"
    event.add("status", word)
    event.add("transp", "TRANSPARENT" if status is Status.CANCELLED else "OPAQUE")
    event.add("organizer", _address(organizer, meeting.firm))
    attendee = _address(meeting.attendee, meeting.attendee_name)
    attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
    attendee.params["PARTSTAT"] = vText(meeting.answer.value.upper() if meeting.answer else "NEEDS-ACTION")
    attendee.params["RSVP"] = vText("FALSE")
    event.add("attendee", attendee, encode=False)
    return event


def _address(email: str, name: str) -> vCalAddress:
    """A calendar address; a parameter's value cannot hold double quotes (RFC 5545, 3.2)."""
    address = vCalAddress(f"mailto:{email}")
    address.params["CN"] = vText(cleaning.line(name).replace('"', "’") or email)
    return address
