"""Preferences: how pages look, the password, and where one is signed in."""

import logging
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import access, passwords, preferences, signing_in, throttle, transaction
from webapp.lifecycle.errors import Invalid
from webapp.queries import team
from webapp.queries.team import SignedIn
from webapp.ui import cookies
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.preferences.devices import device
from webapp.ui.preferences.forms import DENSITIES, THEMES, LookForm, PasswordForm, SignOutForm
from webapp.vocabulary import Density, Permission, Theme

bp = Blueprint("preferences", __name__)
log = logging.getLogger("daybook.sign_in")


@bp.route("/preferences", methods=["GET", "POST"])
@requires(Permission.VIEW)
def index() -> Response:
    form = _look_form()
    if (
        form.accepted()
        and form.attempt(
            lambda: preferences.change_look(
                db.session(),
                actor=me().actor,
                theme=Theme(form.theme.data),
                density=Density(form.density.data),
                shortcuts=form.shortcuts.data,
            )
        )
        is not None
    ):
        flash("Preferences saved.", "toast")
        return go("/preferences")
    return _page(look=form)


@bp.post("/preferences/password")
@requires(Permission.VIEW)
def change_password() -> Response:
    form = PasswordForm()
    if (
        form.accepted()
        and (hashed := _new_hash(form))
        and form.attempt(
            lambda: preferences.change_password(
                db.session(),
                actor=me().actor,
                password_hash=hashed,
                keep_session=me().session_hash,
                now=g.now,
            )
        )
        is not None
    ):
        flash("Password changed. You are signed out everywhere else.", "toast")
        return go("/preferences")
    return _page(password=form)


def _new_hash(form: PasswordForm) -> str | None:
    """The hash to store, if the present password is right and the new one may be used."""
    try:
        new = passwords.check(form.password.data, about=(me().name, me().email, me().firm_name))
        _check_present(form.present.data)
    except (Invalid, throttle.TooManyTries) as refusal:
        form.refuse(refusal)
        form.code = 429 if isinstance(refusal, throttle.TooManyTries) else 422
        if refusal.field != "password":
            log.warning("present password refused firm=%s staff=%s", me().firm_id, me().staff_user_id)
        return None
    return passwords.make_hash(new)


def _check_present(present: str) -> None:
    """Somebody at an unlocked desk may not try for ever either."""
    subjects = throttle.Subjects.of(
        current_app.config["SECRET_KEY"], email=me().email, address=request.remote_addr or ""
    )
    transaction.run(db.session(), lambda: throttle.count_try(db.session(), subjects, g.now))
    user = me()
    if not signing_in.has_password(
        db.session(), firm_id=user.firm_id, staff_user_id=user.staff_user_id, password=present
    ):
        raise Invalid("This is not your present password.", field="present")
    transaction.run(db.session(), lambda: throttle.forgive(db.session(), subjects, g.now))


@bp.post("/preferences/sessions/<handle>/sign-out")
@requires(Permission.VIEW)
def sign_out_one(handle: str) -> Response:
    """End one of one's own sessions; an unknown or ended one is as good as ended."""
    ended = next((found for found in _sessions() if found.handle == handle), None)
    if ended is not None and SignOutForm().accepted():
        transaction.run(db.session(), lambda: access.revoke(db.session(), ended.session_hash, g.now))
        if ended.session_hash == me().session_hash:
            return cookies.forget(go("/sign-in"))
    flash("That browser is signed out.", "toast")
    return go("/preferences")


@bp.post("/preferences/sessions/sign-out")
@requires(Permission.VIEW)
def sign_out_everywhere() -> Response:
    user = me()
    if not SignOutForm().accepted():
        return go("/preferences")
    transaction.run(
        db.session(),
        lambda: access.revoke_all(
            db.session(), firm_id=user.firm_id, staff_user_id=user.staff_user_id, now=g.now
        ),
    )
    flash("You are signed out everywhere.", "success")
    return cookies.forget(go("/sign-in"))


def _sessions() -> list[SignedIn]:
    return team.sessions(
        db.session(),
        firm_id=me().firm_id,
        staff_user_id=me().staff_user_id,
        now=g.now,
        idle_since=g.now - access.IDLE,
    )


def _look_form() -> LookForm:
    user = me()
    return LookForm(theme=user.theme.value, density=user.density.value, shortcuts=user.shortcuts)


def _page(*, look: LookForm | None = None, password: PasswordForm | None = None) -> Response:
    """The page with both forms; the one that was sent keeps what was typed and its errors."""
    sent: Any = look or password
    # The other form must not take the fields that were sent.
    look = look or LookForm(formdata=None, **_present_look())
    password = password or PasswordForm(formdata=None)
    page = render_template(
        "preferences/index.html",
        look=look,
        password=password,
        sign_out=SignOutForm(formdata=None),
        form_errors=sent.errors_list(),
        themes=THEMES,
        densities=DENSITIES,
        sessions=[(found, device(found.user_agent)) for found in _sessions()],
    )
    return make_response(page, sent.status)


def _present_look() -> dict[str, Any]:
    user = me()
    return {"theme": user.theme.value, "density": user.density.value, "shortcuts": user.shortcuts}
