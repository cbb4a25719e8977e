"""The appointment page: what is agreed, how did we get here, what can I do?"""

from typing import Any

from flask import Blueprint, Response, g, render_template, request

from webapp.extensions import db
from webapp.lifecycle import details
from webapp.lifecycle.errors import Conflict, Invalid, Stale
from webapp.queries import appointments, export
from webapp.ui import csv_table, papers, picker
from webapp.ui.appointments import answers, steps, story
from webapp.ui.appointments.forms import DetailsForm
from webapp.ui.appointments.taking import load
from webapp.ui.appointments.taking import show as show_form
from webapp.ui.guards import me, requires
from webapp.vocabulary import Permission

bp = Blueprint(
    "appointments", __name__, url_prefix="/appointments/<int(max=9223372036854775807):appointment_id>"
)
steps.install(bp)
papers.install(bp)


@bp.get("")
@requires(Permission.VIEW)
def show(appointment_id: int) -> str:
    dossier = appointments.dossier(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    return render_template("appointments/page.html", **answers.page_context(dossier))


@bp.get("/timeline")
@requires(Permission.VIEW)
def timeline(appointment_id: int) -> str:
    """What happened, from the first booking of the chain on: a page to link to and to print."""
    found = appointments.story(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    return render_template(
        "appointments/timeline.html", nav_current="day", story=found, appointment=found.appointment
    )


@bp.get("/timeline.pdf")
@requires(Permission.VIEW)
def timeline_as_pdf(appointment_id: int) -> Response:
    """The same as a PDF file; 422 where making it would hold up everybody else."""
    found = appointments.story(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    bookings = list(story.lines(found, me().local))
    count = sum(len(lines) for _link, lines in bookings)
    if count > papers.PDF_ROWS:
        raise Invalid(
            f"This timeline has {count:,} events, too many for one PDF file. Print the page, or take the "
            "CSV file."
        )
    html = render_template(
        "appointments/timeline_paper.html",
        title=f"Timeline of appointment {appointment_id}",
        appointment=found.appointment,
        bookings=bookings,
        count=count,
    )
    return papers.answer(html, f"timeline-{appointment_id}")


@bp.get("/timeline.csv")
@requires(Permission.EXPORT)
def timeline_as_file(appointment_id: int) -> Response:
    """The same as a table."""
    firm_id = me().firm_id
    found = appointments.story(db.session(), firm_id=firm_id, appointment_id=appointment_id)
    lines = [line for _link, lines in story.lines(found, me().local) for line in lines]
    name = f"{export.firm_slug(db.session(), firm_id=firm_id)}-timeline-{appointment_id}.csv"
    return csv_table.answer(lines, story.COLUMNS, me().local, name)


@bp.get("/menu")
@requires(Permission.VIEW)
def menu(appointment_id: int) -> str:
    """The entries of a row's menu, fetched when it is opened."""
    dossier = appointments.dossier(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    return render_template("appointments/_menu.html", **answers.page_context(dossier))


@bp.route("/details", methods=["GET", "POST"])
@requires(Permission.ACT)
def edit_details(appointment_id: int) -> Response:
    """Notes, place and contact: everything that is not lifecycle."""
    appointment = load(appointment_id)
    form = DetailsForm.showing(appointment)
    if request.form.get("step") != "find" and form.accepted():
        answer = _edit(form, appointment_id)
        if answer is not None:
            return answers.done(appointment_id, answer["said"])
        appointment = load(appointment_id)
    nobody = "" if appointment.contact_id else "Nobody in particular"
    chosen = picker.chosen(form.contact_id)
    found = picker.contacts(picker.typed("contact_q"), chosen, none=nobody)
    return show_form("details", form, appointment, contacts=found)


def _edit(form: DetailsForm, appointment_id: int) -> dict[str, Any] | None:
    """Save the details; None where the form is to be shown again, also after somebody else's change."""

    def work() -> dict[str, Any]:
        changed = details.edit(
            db.session(),
            load(appointment_id),
            actor=me().actor,
            location=form.location.data or "",
            notes=form.notes.data or "",
            contact_id=picker.key_of(form.contact_id, "Choose a contact from the list.") or None,
            now=g.now,
            expected_version=form.version.data or 0,
        )
        return {"said": "Details saved." if changed else "Nothing to save, the details are as they were."}

    try:
        return form.attempt(work)
    except Stale as error:
        form.now_at(load(appointment_id).version)
        form.overtaken(error)
        return None


@bp.errorhandler(Conflict)
def conflict(error: Conflict) -> Response:
    return answers.conflict(error, (request.view_args or {})["appointment_id"])
