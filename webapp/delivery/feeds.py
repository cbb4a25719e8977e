"""Calendars to subscribe to and to download (RFC 5545): a state of affairs, so without a METHOD.

One event for each chain, under the UID that its mails carry, with a SEQUENCE that rises with each change.
"""

from collections.abc import Iterable
from datetime import timedelta

from icalendar import Calendar, Event

from webapp.delivery import cleaning
from webapp.delivery.calendars import PRODUCT
from webapp.queries.feeds import Entry
from webapp.vocabulary import Status

REFRESH = timedelta(minutes=15)
WORDS = {
    Status.REQUESTED: "TENTATIVE",
    Status.AWAITING_CONFIRMATION: "TENTATIVE",
    Status.CANCELLED: "CANCELLED",
    Status.RESCHEDULED: "CANCELLED",
}
"""STATUS of a calendar's event; what is not named here took, or will take, place as far as is known."""


def calendar(name: str, entries: Iterable[Entry], *, host: str, base_url: str, with_names: bool) -> bytes:
    """The file. Times are in UTC: calendars show them by their own clocks, across every change of those.

    Args:
        name: what programs call the calendar.
        host: the right half of every UID.
        base_url: how the site is reached; each event names its appointment's page.
        with_names: whether events name the client, or the type of meeting alone.
    """
    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("name", cleaning.line(name))
    made.add("x-wr-calname", cleaning.line(name))
    made.add("refresh-interval", REFRESH, parameters={"value": "DURATION"})
    for entry in entries:
        made.add_component(_event(entry, host, base_url, with_names))
    return bytes(made.to_ical())


def _event(entry: Entry, host: str, base_url: str, with_names: bool) -> Event:
    word = WORDS.get(entry.status, "CONFIRMED")
    what = f"{entry.client}: {entry.type_name}" if with_names else entry.type_name
    event = Event()
    event.add("uid", f"chain-{entry.chain_id}@{host}")
    event.add("sequence", entry.revision)
    event.add("dtstamp", entry.changed_at.replace(microsecond=0))
    event.add("last-modified", entry.changed_at.replace(microsecond=0))
    event.add("dtstart", entry.start_time)
    event.add("dtend", entry.end_time)
    event.add("summary", cleaning.line(what))
    if entry.location:
        event.add("location", cleaning.line(entry.location))
    event.add("description", cleaning.prose(f"With {entry.staff_name}. {entry.status.label}."))
    event.add("url", f"{base_url}/appointments/{entry.appointment_id}")
    event.add("status", word)
    event.add("transp", "TRANSPARENT" if word == "CANCELLED" else "OPAQUE")
    event.add("class", "PRIVATE")
    return event
