"""What the pages of contacts and accounts share: where in a list we are, and a client's appointments."""

from datetime import timedelta
from typing import Any

from flask import Response, g, request

from webapp.extensions import db
from webapp.queries import client_pages, export
from webapp.queries.appointment_list import Criteria, Order
from webapp.queries.client_pages import AccountRow, ContactRow, Whose
from webapp.queries.paging import Page
from webapp.ui import appointments_file, downloads, guards, rows
from webapp.ui.csv_table import Columns
from webapp.ui.guards import me

YEAR = timedelta(days=365)
CONTACTS: Columns[ContactRow] = (
    ("Reference", lambda contact: contact.contact_id),
    ("Name", lambda contact: contact.name),
    ("Account", lambda contact: contact.account_name),
    ("E-mail", lambda contact: contact.email),
    ("Phone", lambda contact: contact.phone),
    ("Time zone", lambda contact: contact.timezone),
    ("Notes", lambda contact: contact.notes),
)
ACCOUNTS: Columns[AccountRow] = (
    ("Reference", lambda account: account.account_id),
    ("Name", lambda account: account.name),
    ("Contacts", lambda account: account.contacts),
    ("Notes", lambda account: account.notes),
)


def searched() -> str:
    """What the list is searched for; empty for all."""
    return request.args.get("q", "").strip()[:200]


def neighbour(name: str) -> int | None:
    """A key from the address, next to which the page of a list lies; nonsense is the beginning."""
    text = request.args.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def turn(page: Page[Any], path: str, *, before: str = "before", after: str = "after") -> dict[str, str]:
    """Addresses of the pages on both sides, empty where the list ends."""
    return {
        "prev_url": f"{path}?{before}={page.before}" if page.before else "",
        "next_url": f"{path}?{after}={page.after}" if page.after else "",
    }


def appointments_as_file(whose: Whose, what: str) -> Response:
    """All appointments of a client, the newest first."""
    user = me()
    found = export.stream(
        guards.engine(), firm_id=user.firm_id, criteria=Criteria(), order=Order.NEWEST, whose=whose
    )
    return downloads.table(found, appointments_file.COLUMNS, what)


def appointments_of(whose: Whose, path: str) -> dict[str, Any]:
    """The context of ``partials/client_appointments.html``. Three statements, four on a later page."""
    session, firm_id, now = db.session(), me().firm_id, g.now
    upcoming = client_pages.upcoming(
        session, firm_id=firm_id, whose=whose, now=now, limit=client_pages.APPOINTMENTS + 1
    )
    earlier = client_pages.earlier(
        session,
        firm_id=firm_id,
        whose=whose,
        now=now,
        before=neighbour("before"),
        after=neighbour("after"),
    )
    since = now - YEAR
    year, ever = client_pages.tallies(session, firm_id=firm_id, whose=whose, since=since)
    return {
        "upcoming": rows.present_all(upcoming[: client_pages.APPOINTMENTS], me(), now, day_known=False),
        "upcoming_more": len(upcoming) > client_pages.APPOINTMENTS,
        "earlier": rows.present_all(earlier.rows, me(), now, day_known=False),
        "earlier_turn": turn(earlier, path),
        "counts": [
            (label, getattr(year, name), getattr(ever, name))
            for name, label in (
                ("completed", "Completed"),
                ("no_show_client", "No-show by the client"),
                ("no_show_staff", "No-show by staff"),
                ("no_show_both", "No-show by both"),
                ("cancelled_client", "Cancelled by the client"),
                ("cancelled_staff", "Cancelled by the firm"),
            )
        ],
        "appointments_csv_url": f"{path}/appointments.csv",
        "since": me().local.full_day(me().local.day_of(since)),
    }
