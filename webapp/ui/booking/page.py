"""What the page for a new appointment shows: what the address asks for, the clients found, the free times."""

from datetime import date, datetime
from typing import Any

from flask import g, request

from webapp.extensions import db
from webapp.lifecycle import slots
from webapp.lifecycle.errors import Invalid, Missing
from webapp.localtime import AmbiguousTime, Local, NonexistentTime, instant, parse_clock
from webapp.queries import appointments, client_pages
from webapp.queries.new_booking import Desk
from webapp.ui import picker
from webapp.ui.booking.forms import HOW, WHO, BookingForm
from webapp.ui.client_desk import neighbour
from webapp.ui.guards import me
from webapp.ui.when import LOOK_AHEAD, TYPED, first_day, value_of
from webapp.ui.when import picker as pick_time
from webapp.vocabulary import Permission

HOW_DETAIL = {
    "book": "Confirmed at once",
    "request": "Requested until somebody approves it",
    "propose": "Awaiting confirmation until a deadline",
}


def prefill(form: BookingForm, desk: Desk) -> None:
    """Fill the form from the address. An unknown client or appointment is Missing, other nonsense ignored."""
    args = request.args
    again = neighbour("again")
    if again is not None:
        _copy(form, again)
    form.appointment_type_id.data = args.get("type") or form.appointment_type_id.data
    form.staff_user_id.data = args.get("staff") or form.staff_user_id.data
    if form.kind(desk) is None:
        form.appointment_type_id.data = str(next(iter(desk.types)))
    if form.staff(desk) is None:
        mine = me().staff_user_id
        form.staff_user_id.data = str(mine if mine in desk.staff else next(iter(desk.staff)))
    if contact := neighbour("contact"):
        client_pages.contact(db.session(), firm_id=me().firm_id, contact_id=contact)
        form.who.data, form.contact_id.data = "existing", str(contact)
    elif account := neighbour("account"):
        client_pages.account(db.session(), firm_id=me().firm_id, account_id=account)
        form.who.data, form.account_id.data = "account", str(account)
    form.day.data = args.get("date", "")[:10]
    form.time.data = args.get("time", "")[:20]
    _find_radio(form)


def _copy(form: BookingForm, appointment_id: int) -> None:
    """Book again: type, staff, client and place of an appointment of the firm."""
    found = appointments.get(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    form.appointment_type_id.data = str(found.appointment_type_id)
    form.staff_user_id.data = str(found.staff_user_id)
    form.who.data = "existing" if found.contact_id else "account"
    form.contact_id.data = str(found.contact_id or "")
    form.account_id.data = str(found.account_id or "")
    form.location.data = found.location


def _find_radio(form: BookingForm) -> None:
    """A time in the address chooses its radio; :func:`times` types it instead where it is not free."""
    day = form.chosen_day()
    if day is None or not form.time.data:
        form.time.data = ""
        return
    try:
        moment = instant(datetime.combine(day, parse_clock(form.time.data)), me().local.zone)
    except (NonexistentTime, AmbiguousTime):
        form.start.data = TYPED
    except ValueError:
        form.time.data = ""
    else:
        form.start.data = value_of(moment)


def context(form: BookingForm, desk: Desk, taken: datetime | None) -> dict[str, Any]:
    """Everything that ``booking/new.html`` prints."""
    when = times(form, desk, taken)
    return {
        "form": form,
        "form_errors": form.errors_list() if form.status != 200 else [],
        "kinds": desk.types.values(),
        "kind": form.kind(desk),
        "confirm_hours": desk.firm.confirm_hours,
        "may_double_book": me().can(Permission.DOUBLE_BOOK),
        "contacts": picker.contacts(picker.typed("contact_q"), picker.chosen(form.contact_id)),
        "accounts": picker.accounts(
            picker.typed("account_q"), picker.chosen(form.account_id), none="No account"
        ),
        "whos": [{"value": value, "label": label} for value, label in WHO.items()],
        "hows": [
            {"value": value, "label": label, "detail": HOW_DETAIL[value]} for value, label in HOW.items()
        ],
        "back_url": f"/day/{when['chosen_day'].isoformat()}",
        "back_label": when["day_label"],
        "nav_current": "day",
        **when,
    }


def times(form: BookingForm, desk: Desk, taken: datetime | None) -> dict[str, Any]:
    """What ``partials/slot_picker.html`` prints. One statement, two for a day far off, one for the client."""
    local, chosen, staff_user_id = me().local, form.chosen_day(), form.staff(desk)
    first = first_day(chosen, local.day_of(g.now))
    found = _offers(form, desk, first, LOOK_AHEAD)
    if chosen is not None and chosen not in {offer.day for offer in found}:
        found += _offers(form, desk, chosen, 1)
    client = _clients_clock(form, local)
    shown = pick_time(
        form, found, local, chosen=chosen, working=desk.firm.working_hours, client=client, gone=taken
    )
    _type_instead(form, shown.slots)
    return {
        "days": shown.days,
        "chosen_day": shown.chosen_day,
        "day_label": shown.day_label,
        "slots": shown.slots,
        "other": shown.other,
        "staff_name": desk.staff.get(staff_user_id or 0, ""),
        "slots_url": "/appointments/new/slots",
        "slots_include": "#what, #contact_id-options",
        "client_zone": client.city() if client else "",
    }


def _type_instead(form: BookingForm, shown: list[dict[str, Any]]) -> None:
    if form.start.data and form.time.data and request.method == "GET":
        if any(slot["checked"] for slot in shown):
            form.time.data = ""
        else:
            form.start.data = TYPED


def _offers(form: BookingForm, desk: Desk, first: date, days: int) -> list[slots.DayOffer]:
    kind = form.kind(desk)
    try:
        minutes = form.minutes(kind) or 45
    except Invalid:
        minutes = kind.duration if kind else 45
    return slots.offers(
        db.session(),
        firm=desk.firm,
        staff_user_id=form.staff(desk) or 0,
        first=first,
        days=days,
        minutes=minutes,
        now=g.now,
    )


def _clients_clock(form: BookingForm, local: Local) -> Local | None:
    """How the chosen contact's clock reads, where it differs from the firm's."""
    contact_id = picker.chosen(form.contact_id)
    if contact_id is None or form.who.data not in (None, "", "existing"):
        return None
    try:
        contact = client_pages.contact(db.session(), firm_id=me().firm_id, contact_id=contact_id)
    except Missing:
        return None
    zone = contact.timezone
    return local.elsewhere(zone) if zone and zone != local.zone.key else None
