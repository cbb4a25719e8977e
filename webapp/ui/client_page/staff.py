"""The link as staff see it: made and shown by a POST, never by looking, and revoked."""

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import client_requests, transaction
from webapp.queries import appointments
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.vocabulary import Permission

ENDPOINTS = {"client_page.make", "client_page.revoke"}


def install(bp: Blueprint) -> None:
    """Give both steps their address below the appointment's."""
    bp.add_url_rule("/appointments/<int:appointment_id>/client-link", view_func=make, methods=["POST"])
    bp.add_url_rule("/appointments/<int:appointment_id>/client-link/end", view_func=revoke, methods=["POST"])


@requires(Permission.ACT)
def make(appointment_id: int) -> Response:
    """Show the link, ready to be copied; made if there is none."""
    user, settings = me(), current_app.config["SETTINGS"]

    def work() -> tuple[str, object]:
        fresh = appointments.get(db.session(), firm_id=user.firm_id, appointment_id=appointment_id)
        return client_requests.link_for(
            db.session(), fresh, secret=settings.secret_key, actor=user.actor, now=g.now
        )

    token, until = transaction.run(db.session(), work)
    appointment = appointments.get(db.session(), firm_id=user.firm_id, appointment_id=appointment_id)
    page = render_template(
        "client_page/made.html",
        appointment=appointment,
        link=f"{settings.base_url}/c/{token}",
        until=until,
    )
    response = make_response(page)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@requires(Permission.ACT)
def revoke(appointment_id: int) -> Response:
    user = me()

    def work() -> int:
        fresh = appointments.get(db.session(), firm_id=user.firm_id, appointment_id=appointment_id)
        return client_requests.revoke_links(db.session(), fresh, actor=user.actor, now=g.now)

    closed = transaction.run(db.session(), work)
    said = "The client’s link no longer works." if closed else "There was no link that worked."
    flash(said, "toast")
    return go(f"/appointments/{appointment_id}")
