"""A poll's page: what it shows, and how a conflict is told on it."""

from datetime import datetime
from typing import Any

from flask import Response, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import slots
from webapp.lifecycle.errors import DomainError, Stale
from webapp.lifecycle.polls.base import REMINDERS_APART
from webapp.queries import polls
from webapp.queries.polls import PollPage
from webapp.ui.forms import new_token
from webapp.ui.guards import me
from webapp.ui.htmx import is_htmx, trigger
from webapp.ui.polls.forms import Taken
from webapp.vocabulary import PollStatus

BADGES = {
    PollStatus.OPEN: ("", "Open for votes"),
    PollStatus.HELD: ("awaiting_confirmation", "Awaiting confirmation"),
    PollStatus.CONFIRMED: ("confirmed", "Confirmed"),
    PollStatus.CANCELLED: ("cancelled", "Called off"),
    PollStatus.TIMED_OUT: ("cancelled", "Timed out"),
}


def url_of(poll_id: int) -> str:
    return f"/polls/{poll_id}"


def load(poll_id: int) -> PollPage:
    """The poll as its page shows it (404 in another firm). Six statements."""
    return polls.page(db.session(), firm_id=me().firm_id, poll_id=poll_id, now=g.now)


def context(page: PollPage, notice: str = "", title: str = "") -> dict[str, Any]:
    """What ``polls/_page.html`` and its parts need."""
    return {
        "poll": page,
        "url": url_of(page.poll_id),
        "badge_of": BADGES,
        "held": page.held_slot,
        "best": page.best(g.now) if page.status is PollStatus.OPEN else set(),
        "voting_closed": page.status is PollStatus.OPEN and page.deadline <= g.now,
        "running": page.status in (PollStatus.OPEN, PollStatus.HELD),
        "rests_until": _rests_until(page),
        "notice_text": notice,
        "notice_title": title,
        "page_token": new_token(),
        "nav_current": "polls",
    }


def calendar(staff_user_id: int) -> Taken:
    """What a member of staff has between two instants, for :meth:`RowsForm.mark`."""

    def taken(start: datetime, end: datetime) -> list[Any]:
        return slots.taken(
            db.session(), firm_id=me().firm_id, staff_user_id=staff_user_id, start=start, end=end
        )

    return taken


def _rests_until(page: PollPage) -> datetime | None:
    """When the invitees may be reminded again; None when they may be now."""
    until = page.reminded_at + REMINDERS_APART if page.reminded_at else g.now
    return until if until > g.now else None


def conflict(error: DomainError, poll_id: int) -> Response:
    """409: the poll as it is now, and what came in between."""
    title = "Not saved: this poll has changed" if isinstance(error, Stale) else "Nothing was changed"
    shown = context(load(poll_id), error.sentence, title)
    if not is_htmx():
        return make_response(render_template("polls/show.html", **shown), 409)
    response = make_response(render_template("polls/_page.html", **shown), 409)
    response.headers["HX-Retarget"] = "#main"
    response.headers["HX-Reswap"] = "innerHTML"
    return trigger(response, done={"focus": "conflict"})
