"""Signing in and out. Nothing that these pages answer tells whether an e-mail address is known."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request, session
from wtforms import SelectChoice

from webapp.extensions import csrf, db
from webapp.lifecycle import access, signing_in, throttle, transaction
from webapp.lifecycle.signing_in import Match
from webapp.ui import cookies
from webapp.ui.guards import public, safe_next
from webapp.ui.htmx import go
from webapp.ui.sessions.forms import FirmForm, SignInForm

bp = Blueprint("sessions", __name__)

CHOICE = "sign_in_choice"
TIME_TO_CHOOSE = timedelta(minutes=5)


@bp.route("/sign-in", methods=["GET", "POST"])
@public
@csrf.exempt  # the form checks the token itself and is shown again, ready to be sent, when it is stale
def sign_in() -> Response:
    target = safe_next(request.args.get("next"))
    form = SignInForm()
    if request.method == "GET" and g.me is not None:
        return go(target)
    if form.accepted():
        found = _try(form)
        if len(found) == 1:
            return _enter(found[0].firm_id, found[0].staff_user_id, target, found[0])
        if found:
            return _ask_which(found)
    return _page("sessions/sign_in.html", form)


def _try(form: SignInForm) -> list[Match]:
    """The accounts that the password opens. The slow part runs in no transaction that writes."""
    subjects = throttle.Subjects.of(
        current_app.config["SECRET_KEY"],
        email=signing_in.normal_email(form.email.data),
        address=request.remote_addr or "",
    )
    try:
        transaction.run(db.session(), lambda: throttle.count_try(db.session(), subjects, g.now))
    except throttle.TooManyTries as refusal:
        form.refuse(refusal)
        form.code = 429
        form.retry_after = refusal.wait * 60
        return []
    found = signing_in.matches(db.session(), email=form.email.data, password=form.password.data)
    if found:
        transaction.run(db.session(), lambda: throttle.forgive(db.session(), subjects, g.now))
    else:
        form.form_errors.append(signing_in.WRONG)
        form.code = 422
    return found


def _enter(firm_id: int, staff_user_id: int, target: str, match: Match | None = None) -> Response:
    """Open the session, end the one this browser had, and go on."""
    token = transaction.run(
        db.session(),
        lambda: signing_in.sign_in(
            db.session(),
            firm_id=firm_id,
            staff_user_id=staff_user_id,
            now=g.now,
            user_agent=request.user_agent.string,
            replaces=cookies.token(),
            stored=match.stored if match else None,
            rehashed=match.rehashed if match else None,
        ),
    )
    session.clear()  # and with it the token of forms: what was made before the sign-in is void
    return cookies.keep(go(target), token)


def _ask_which(found: list[Match]) -> Response:
    """The password opens accounts in several firms: remember which ones, and ask."""
    session[CHOICE] = {
        "accounts": [[match.firm_id, match.staff_user_id, match.firm_name] for match in found],
        "until": (g.now + TIME_TO_CHOOSE).isoformat(),
    }
    return go(_choice_url())


def _choice_url() -> str:
    query = request.query_string.decode("ascii", "ignore")
    return "/sign-in/firm" + (f"?{query}" if query else "")


@bp.route("/sign-in/firm", methods=["GET", "POST"])
@public
@csrf.exempt
def choose_firm() -> Response:
    accounts = _accounts_to_choose()
    if not accounts:
        flash("That took a while. Sign in again.", "info")
        return go("/sign-in")
    form = FirmForm()
    form.account.choices = [
        SelectChoice(str(number), name) for number, (_firm, _user, name) in enumerate(accounts)
    ]
    if form.accepted():
        firm_id, staff_user_id, _name = accounts[int(form.account.data)]
        return _enter(firm_id, staff_user_id, safe_next(request.args.get("next")))
    return _page("sessions/choose_firm.html", form)


def _accounts_to_choose() -> list[list[Any]]:
    choice = session.get(CHOICE)
    if not choice or datetime.fromisoformat(choice["until"]) < g.now:
        session.pop(CHOICE, None)
        return []
    accounts: list[list[Any]] = choice["accounts"]
    return accounts


def _page(template: str, form: SignInForm | FirmForm) -> Response:
    response = make_response(
        render_template(
            template, form=form, form_errors=form.errors_list(), action=request.full_path.rstrip("?")
        ),
        form.status,
    )
    if form.retry_after:
        response.headers["Retry-After"] = str(form.retry_after)
    return response


@bp.post("/sign-out")
@public
def sign_out() -> Response:
    if g.me is not None:
        digest = g.me.session_hash
        transaction.run(db.session(), lambda: access.revoke(db.session(), digest, g.now))
    session.clear()
    flash("You are signed out.", "success")
    return cookies.forget(go("/sign-in"))
