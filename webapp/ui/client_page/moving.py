"""The days and times that a client may choose from, by the client's own clock."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from flask import g

from webapp.extensions import db
from webapp.lifecycle import client_requests
from webapp.lifecycle.slots import DayOffer
from webapp.localtime import day_start
from webapp.queries.client_link import Opened
from webapp.ui.client_page.forms import MoveForm
from webapp.ui.when import LOOK_AHEAD, first_day, picker

EVERY_DAY = [True] * 7  # days without a free time are left out below


def picking(token: str, opened: Opened, form: MoveForm, taken: datetime | None) -> dict[str, Any]:
    """What ``partials/slot_picker.html`` needs."""
    local, chosen = opened.local, form.chosen_day()
    shown = picker(
        form,
        _offers(opened, chosen),
        local,
        chosen=chosen,
        working=EVERY_DAY,
        client=opened.firm_local if opened.elsewhere else None,
        gone=taken,
    )
    return {
        "days": shown.days,
        "chosen_day": shown.chosen_day,
        "day_label": shown.day_label,
        "slots": shown.slots,
        "other": shown.other,
        "staff_name": opened.appointment.staff_user.name,
        "slots_url": f"/c/{token}/slots",
        "slots_include": "",
        "days_legend": "New day",
        "no_slots": "No free times on this day. Choose another day.",
        "only_free": True,
        "small_words": f"at {opened.firm.name}",
    }


def _offers(opened: Opened, chosen: date | None) -> list[DayOffer]:
    """Days with free times by the client's calendar, and the chosen one whatever it offers. One statement."""
    local = opened.local
    first = first_day(chosen, local.day_of(g.now))
    starts = client_requests.offered(
        db.session(),
        opened.appointment,
        firm=opened.firm,
        low=day_start(first, local.zone),
        days=LOOK_AHEAD + 2,  # the client's day may touch two of the firm's
        now=g.now,
    )
    days: dict[date, list[datetime]] = defaultdict(list)
    for start in starts:
        days[local.day_of(start)].append(start)
    last = first + timedelta(days=LOOK_AHEAD)
    wanted = {day for day in days if first <= day < last} | ({chosen} if chosen else set())
    return [DayOffer(day, tuple(days[day])) for day in sorted(wanted or {first})]
