"""The mail about one appointment and those it was moved from and to, for those who act on it."""

from flask import Blueprint, Response, current_app, make_response, render_template

from webapp.extensions import db
from webapp.queries import appointments, mail
from webapp.ui import mail_words
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.outbox import again
from webapp.vocabulary import Permission

PATH = "/appointments/<int:appointment_id>/mail"


def install(bp: Blueprint) -> None:
    """Give the list and its one step their address below the appointment's."""
    bp.add_url_rule(PATH, view_func=of_appointment, methods=["GET"])
    bp.add_url_rule(f"{PATH}/<int:mail_message_id>/resend", view_func=resend_one, methods=["POST"])


@requires(Permission.VIEW)
def of_appointment(appointment_id: int) -> Response:
    return _page(appointment_id, DeskForm())


@requires(Permission.ACT)
def resend_one(appointment_id: int, mail_message_id: int) -> Response:
    return again.resend(
        mail_message_id,
        back=f"/appointments/{appointment_id}/mail",
        show=lambda form: _page(appointment_id, form),
        about=appointment_id,
    )


def _page(appointment_id: int, form: DeskForm) -> Response:
    firm_id = me().firm_id
    appointment = appointments.get(db.session(), firm_id=firm_id, appointment_id=appointment_id)
    page = render_template(
        "outbox/of_appointment.html",
        appointment=appointment,
        mails=mail.about(db.session(), firm_id=firm_id, appointment_id=appointment_id),
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        has_server=bool(current_app.config["SETTINGS"].smtp_url),
        kinds=mail_words.NAMES,
        states=mail_words.STATE_NAMES,
        nav_current="day",
    )
    return make_response(page, form.status)
