"""What the transitions answer with: a row, a page, a dialog gone, or a conflict explained."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle.attendance import opens_at
from webapp.lifecycle.errors import Conflict
from webapp.queries import appointments, board, poll_list
from webapp.queries.appointments import Dossier
from webapp.ui import rows
from webapp.ui.forms import new_token
from webapp.ui.guards import me
from webapp.ui.htmx import go, is_htmx, trigger
from webapp.ui.rows import STEPS, Step
from webapp.vocabulary import Action, Permission, Status

AGAIN = {Status.COMPLETED, Status.NO_SHOW, Status.CANCELLED}
DIALOG_STEPS = {"decline", "cancellation", "no-show", "rescheduling", "correction", "details"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a move that was not made should have gone."""

    start: datetime
    staff_user_id: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Why something was not saved, what was typed (``label, text``), and the way forward (``label, url``)."""

    title: str
    sentence: str
    attempted: str
    lost: list[tuple[str, str]]
    onward: tuple[str, str] | None


def url_of(appointment_id: int) -> str:
    return f"/appointments/{appointment_id}"


def wants_row() -> bool:
    """Whether the step was taken from a list, whose row is then swapped; else from the appointment's page."""
    return is_htmx() and request.args.get("row") == "1"


def page_context(dossier: Dossier, notice: Notice | None = None) -> dict[str, Any]:
    """What ``appointments/_page.html`` needs."""
    appointment = dossier.appointment
    allowed = dossier.allowed(me().role, g.now)
    asked = appointment.status is Status.AWAITING_CONFIRMATION
    return {
        "poll_of": _poll_of(appointment.appointment_id) if asked else None,
        "dossier": dossier,
        "appointment": appointment,
        "steps": [step for action, step in STEPS.items() if action in allowed],
        "opens_later": appointment.status is Status.CONFIRMED and appointment.start_time > g.now,
        "may_arrive": _may_arrive(dossier),
        "notice_text": notice,
        "page_token": new_token(),
        "nav_current": "day",
    }


def _may_arrive(dossier: Dossier) -> bool:
    """Whether "Arrived" is offered: an hour before the start until the end, while confirmed."""
    appointment = dossier.appointment
    return (
        me().can(Permission.ACT)
        and appointment.status is Status.CONFIRMED
        and dossier.arrived is None
        and opens_at(appointment.start_time) <= g.now < appointment.end_time
    )


def _poll_of(appointment_id: int) -> tuple[int, str] | None:
    """The poll whose invitees are asked to confirm it, if there is one."""
    return poll_list.of_appointment(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)


def done(appointment_id: int, sentence: str, *, opened: int | None = None) -> Response:
    """After a step: the row in its new state with a toast, or the page anew.

    ``opened`` is the new booking that a move made; the list is then loaded again, because it may hold it.
    """
    if not wants_row() or opened is not None:
        flash(sentence, "toast")
        if wants_row():
            response = Response(status=200)
            response.headers["HX-Refresh"] = "true"
            return response
        return go(url_of(opened or appointment_id))
    html = _row_html(appointment_id, toast=sentence)
    return _with_row(html, appointment_id, 200)


def _row_html(appointment_id: int, *, toast: str = "", notice: Notice | None = None) -> str:
    found = board.by_ids(db.session(), firm_id=me().firm_id, appointment_ids=[appointment_id])
    return render_template(
        "appointments/_row_answer.html",
        row=rows.present(found[0], me(), g.now),
        swapped=not _from_dialog(),
        toast_text=toast,
        notice_text=notice,
        page_token=request.form.get("form_token", ""),
    )


def _from_dialog() -> bool:
    return request.path.rsplit("/", 1)[-1] in DIALOG_STEPS


def _with_row(html: str, appointment_id: int, code: int) -> Response:
    """The row as the main swap, or beside a dialog that closes and gives the focus back to it."""
    response = make_response(html, code)
    events: dict[str, Any] = {"appointment__changed": {"id": appointment_id}}
    if _from_dialog():
        response.headers["HX-Reswap"] = "none"
        events["done"] = {"focus": f"appt-{appointment_id}"}
    return trigger(response, **events)


def conflict(error: Conflict, appointment_id: int) -> Response:
    """409: the appointment as it is now, who made it so, and what of the person's change was not saved."""
    step = _step_of_path()
    title = "Not saved: this appointment has changed" if step is None else f"Not saved: {_lower(step.label)}"
    dossier = appointments.dossier(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    notice = Notice(title, error.sentence, g.get("attempted", ""), g.get("lost", []), _onward(dossier))
    if wants_row():
        return _with_row(_row_html(appointment_id, notice=notice), appointment_id, 409)
    context = page_context(dossier, notice)
    if not is_htmx():
        return make_response(render_template("appointments/page.html", **context), 409)
    response = make_response(render_template("appointments/_page.html", **context), 409)
    response.headers["HX-Retarget"] = "#main"
    response.headers["HX-Reswap"] = "innerHTML"
    return trigger(response, done={"focus": "conflict"})


def _onward(dossier: Dossier) -> tuple[str, str] | None:
    """Where what was meant can still be done: the booking that followed, or a new one."""
    appointment = dossier.appointment
    if dossier.successor is not None:
        return "Open the new booking", url_of(dossier.successor.appointment_id)
    if appointment.status not in AGAIN or not me().can(Permission.BOOK):
        return None
    asked: dict[str, Any] = {"again": appointment.appointment_id}
    wanted: Wanted | None = g.get("wanted")
    if wanted is not None:
        local = me().local
        day = local.day_of(wanted.start).isoformat()
        asked |= {"date": day, "time": f"{local.at(wanted.start):%H:%M}", "staff": wanted.staff_user_id}
    return "Book again…", f"/appointments/new?{urlencode(asked)}"


def _step_of_path() -> Step | None:
    last = request.path.rsplit("/", 1)[-1]
    return next((step for step in STEPS.values() if step.path == last), None)


def _lower(label: str) -> str:
    return label.rstrip("…")[:1].lower() + label.rstrip("…")[1:]


SAID = {
    Action.APPROVE: "Approved",
    Action.DECLINE: "Declined",
    Action.CONFIRM: "Confirmed",
    Action.CANCEL: "Cancelled",
    Action.COMPLETE: "Completed",
    Action.MARK_NO_SHOW: "Recorded a no-show for",
    Action.CORRECT: "Corrected the outcome of",
    Action.RESCHEDULE: "Rescheduled",
}
