"""A new appointment."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import booking as lifecycle
from webapp.lifecycle import clients
from webapp.lifecycle.clients import ContactFacts
from webapp.queries import new_booking
from webapp.ui.booking import page
from webapp.ui.booking.forms import BookingForm, What
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.vocabulary import Permission

bp = Blueprint("booking", __name__)

ACTS = {"book": lifecycle.book, "request": lifecycle.request, "propose": lifecycle.propose}
SAID = {"book": "Booked", "request": "Requested", "propose": "Proposed"}


@bp.route("/appointments/new", methods=["GET", "POST"])
@requires(Permission.BOOK)
def new() -> Response:
    """GET shows the form, filled from the address; POST books, unless only more choices were asked for."""
    desk = new_booking.desk(db.session(), firm_id=me().firm_id)
    if not desk.types or not desk.staff:
        return make_response(render_template("booking/nothing.html", desk=desk, nav_current="day"))
    form = BookingForm()
    form.offer(desk)
    if request.method == "GET":
        page.prefill(form, desk)
    asked = request.form.get("step") in ("find", "times")
    what = form.read(desk, me().local, g.now) if not asked and form.accepted() else None
    if what is not None:
        answer = form.attempt(lambda: _book(form, what))
        if answer is not None:
            flash((answer["said"], f"/appointments/{answer['appointment_id']}", "Open it"), "toast")  # type: ignore[arg-type]
            return go(f"/day/{answer['day']}#appt-{answer['appointment_id']}")
    taken = what.start if what is not None and form.status == 409 else None
    return make_response(render_template("booking/new.html", **page.context(form, desk, taken)), form.status)


@bp.get("/appointments/new/slots")
@requires(Permission.BOOK)
def slots() -> Response:
    """The day and time part alone, for another day, person, type or length."""
    desk = new_booking.desk(db.session(), firm_id=me().firm_id)
    form = BookingForm(formdata=request.args)
    form.offer(desk)
    if form.other.data and form.chosen_day() is None:
        return Response(status=204)  # a date that is still being typed
    return make_response(
        render_template("partials/slot_picker.html", form=form, **page.times(form, desk, None))
    )


def _book(form: BookingForm, what: What) -> dict[str, Any]:
    session, user = db.session(), me()
    contact_id, account_id = what.contact_id, what.account_id
    if what.who == "new":
        contact_id = clients.create_contact(
            session, actor=user.actor, facts=_newcomer(form, account_id), now=g.now
        ).contact_id
    draft = lifecycle.Draft(
        appointment_type_id=what.kind.appointment_type_id,
        staff_user_id=what.staff_user_id,
        contact_id=contact_id,
        account_id=account_id,
        start_time=what.start,
        end_time=what.start + timedelta(minutes=what.minutes),
        location=form.location.data or what.kind.location,
        notes=form.notes.data or "",
        reason=form.reason.data or "",
        double_book=bool(form.double_book.data),
        confirm_by=what.confirm_by,
    )
    how = form.how.data if form.how.data in ACTS else "book"
    appointment = ACTS[how](session, actor=user.actor, draft=draft, now=g.now)
    local = user.local
    said = (
        f"{SAID[how]} {appointment.client_name}, {local.day_time(what.start)}, {appointment.staff_user.name}."
    )
    return {
        "appointment_id": appointment.appointment_id,
        "day": local.day_of(what.start).isoformat(),
        "said": said + _deadline(appointment.confirm_by),
    }


def _newcomer(form: BookingForm, account_id: int | None) -> ContactFacts:
    return ContactFacts(
        name=form.name.data or "",
        email=form.email.data or "",
        phone=form.phone.data or "",
        account_id=account_id,
    )


def _deadline(confirm_by: datetime | None) -> str:
    return f" An answer is needed by {me().local.day_time(confirm_by)}." if confirm_by else ""
