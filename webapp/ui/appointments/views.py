"""The appointment page: what is agreed, how did we get here, what can I do?"""

from flask import Blueprint, Response, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import details
from webapp.lifecycle.errors import Conflict
from webapp.queries import appointments, choices
from webapp.ui.appointments import answers, steps
from webapp.ui.appointments.forms import DetailsForm
from webapp.ui.guards import me, requires
from webapp.vocabulary import Permission

bp = Blueprint(
    "appointments", __name__, url_prefix="/appointments/<int(max=9223372036854775807):appointment_id>"
)
steps.install(bp)


@bp.get("")
@requires(Permission.VIEW)
def show(appointment_id: int) -> str:
    dossier = appointments.dossier(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    return render_template("appointments/page.html", **answers.page_context(dossier))


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
    user, session = me(), db.session()
    appointment = appointments.get(session, firm_id=user.firm_id, appointment_id=appointment_id)
    form = DetailsForm(obj=appointment)
    find = request.values.get("find", "").strip()

    def work() -> bool:
        fresh = appointments.get(db.session(), firm_id=user.firm_id, appointment_id=appointment_id)
        return details.edit(
            db.session(),
            fresh,
            actor=user.actor,
            location=form.location.data or "",
            notes=form.notes.data or "",
            contact_id=form.contact_id.data or None,
            now=g.now,
            expected_version=form.version.data or 0,
        )

    if "search" not in request.form and form.accepted():
        g.attempted = "your changes to the details"
        changed = form.attempt(work)
        if changed is not None:
            said = "Details saved" if changed else "Nothing to save, the details are as they were"
            return answers.done(appointment_id, f"{said}.")
    chosen = form.contact_id.data or 0
    return make_response(
        render_template(
            "appointments/details.html",
            form=form,
            form_errors=form.errors_list() if form.status != 200 else [],
            appointment=appointment,
            find=find,
            options=choices.contacts(
                session, firm_id=user.firm_id, q=find, keep=[appointment.contact_id or 0, chosen]
            ),
        ),
        form.status,
    )


@bp.errorhandler(Conflict)
def conflict(error: Conflict) -> Response:
    return answers.conflict(error, (request.view_args or {})["appointment_id"])
