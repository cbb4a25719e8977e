"""The page behind a one-time link: setting a password. It tells nothing about links that do not work."""

import logging

from flask import Blueprint, Response, g, make_response, render_template, request, session

from webapp.extensions import csrf, db
from webapp.lifecycle import invitations, passwords, transaction
from webapp.lifecycle.errors import Invalid, Missing
from webapp.lifecycle.invitations import Invitee
from webapp.ui import cookies
from webapp.ui.guards import public
from webapp.ui.htmx import go
from webapp.ui.invitations.forms import NewPasswordForm

bp = Blueprint("invitations", __name__)
log = logging.getLogger("daybook.sign_in")


@bp.route("/invitation/<token>", methods=["GET", "POST"])
@public
@csrf.exempt  # the form checks the token itself and is shown again, ready to be sent, when it is stale
def accept(token: str) -> Response:
    invitee = invitations.find(db.session(), token, g.now)
    if invitee is None:
        return _private(_worthless())
    form = NewPasswordForm()
    if form.accepted() and (hashed := _hash(form, invitee)):
        return _private(_set(token, hashed, invitee))
    page = render_template(
        "invitations/accept.html", form=form, form_errors=form.errors_list(), invitee=invitee, me=None
    )
    return _private(make_response(page, form.status))


def _hash(form: NewPasswordForm, invitee: Invitee) -> str | None:
    """The slow part, before anything is written."""
    about = (invitee.name, invitee.email, invitee.firm_name)
    try:
        return passwords.make_hash(passwords.check(form.password.data, about=about))
    except Invalid as refusal:
        form.refuse(refusal)
        return None


def _set(token: str, hashed: str, invitee: Invitee) -> Response:
    try:
        cookie = transaction.run(
            db.session(),
            lambda: invitations.accept(
                db.session(),
                token,
                password_hash=hashed,
                now=g.now,
                user_agent=request.user_agent.string,
                replaces=cookies.token(),
            ),
        )
    except Missing:
        return _worthless()
    log.info("signed in by a one-time link firm=%s staff=%s", invitee.firm_id, invitee.staff_user_id)
    session.clear()
    return cookies.keep(go("/"), cookie)


def _worthless() -> Response:
    return make_response(render_template("invitations/gone.html", me=None), 404)


def _private(response: Response) -> Response:
    """The address is a secret: no page it leads to learns it."""
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
