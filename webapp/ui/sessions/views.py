"""Signing in and out. Nothing that these pages answer tells whether an e-mail address is known."""

import logging
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request, session
from wtforms import SelectChoice

from webapp.extensions import csrf, db
from webapp.lifecycle import access, signing_in, throttle, transaction
from webapp.lifecycle.addresses import looked_up
from webapp.lifecycle.errors import Missing
from webapp.lifecycle.signing_in import Match
from webapp.ui import cookies
from webapp.ui.guards import public, safe_next
from webapp.ui.htmx import go
from webapp.ui.sessions.forms import FirmForm, SignInForm

bp = Blueprint("sessions", __name__)
log = logging.getLogger("daybook.sign_in")

CHOICE = "sign_in_choice"
TIME_TO_CHOOSE = timedelta(minutes=5)
Key = tuple[int, int, str]
"""An account, and what shows that its password was right: firm_id, staff_user_id, proof."""


@bp.route("/sign-in", methods=["GET", "POST"])
@public
@csrf.exempt  # the form checks the token itself and is shown again, ready to be sent, when it is stale
def sign_in() -> Response:
    target = safe_next(request.args.get("next"))
    form = SignInForm()
    if request.method != "POST" and g.me is not None:
        return go(target)
    if form.accepted():
        found = _try(form)
        if len(found) > 1:
            return _ask_which(found)
        entered = _enter(_key(found[0]), target, found[0].rehashed) if found else None
        if entered is not None:
            return entered
        if found:
            form.refuse(Missing(signing_in.WRONG))
    return _page("sessions/sign_in.html", form)


def _try(form: SignInForm) -> list[Match]:
    """The accounts that the password opens. The slow part runs in no transaction that writes."""
    subjects = throttle.Subjects.of(
        current_app.config["SECRET_KEY"],
        email=looked_up(form.email.data),
        address=request.remote_addr or "",
    )
    try:
        transaction.run(db.session(), lambda: throttle.count_try(db.session(), subjects, g.now))
    except throttle.TooManyTries as refusal:
        form.refuse(refusal)
        form.code = 429
        form.retry_after = refusal.wait * 60
        log.warning("sign-in refused: too many tries account=%s", subjects.account)
        return []
    found = signing_in.matches(db.session(), email=form.email.data, password=form.password.data)
    if found:
        transaction.run(db.session(), lambda: throttle.forgive(db.session(), subjects, g.now))
    else:
        log.warning("sign-in refused: no such password account=%s", subjects.account)
        form.form_errors.append(signing_in.WRONG)
        form.code = 422
    return found


def _key(match: Match) -> Key:
    return match.firm_id, match.staff_user_id, match.proof(current_app.config["SECRET_KEY"])


def _enter(key: Key, target: str, rehashed: str | None = None) -> Response | None:
    """Open the session, end the one this browser had, and go on; None if the password was changed since."""
    firm_id, staff_user_id, proof = key
    try:
        token = transaction.run(
            db.session(),
            lambda: signing_in.sign_in(
                db.session(),
                firm_id=firm_id,
                staff_user_id=staff_user_id,
                proof=proof,
                secret=current_app.config["SECRET_KEY"],
                now=g.now,
                user_agent=request.user_agent.string,
                replaces=cookies.token(),
                rehashed=rehashed,
            ),
        )
    except Missing:
        return None
    log.info("signed in firm=%s staff=%s", firm_id, staff_user_id)
    session.clear()  # and with it the token of forms: what was made before the sign-in is void
    return cookies.keep(go(target), token)


def _ask_which(found: list[Match]) -> Response:
    """The password opens accounts in several firms: remember which ones, and ask."""
    session[CHOICE] = {
        "accounts": [[*_key(match), match.firm_name] for match in found],
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
        return _start_again("That took a while. Sign in again.")
    form = FirmForm()
    form.account.choices = [
        SelectChoice(str(number), name) for number, (*_key_of, name) in enumerate(accounts)
    ]
    if form.accepted():
        firm_id, staff_user_id, proof, _name = accounts[int(form.account.data)]
        entered = _enter((firm_id, staff_user_id, proof), safe_next(request.args.get("next")))
        return entered or _start_again("The password was changed meanwhile. Sign in again.")
    return _page("sessions/choose_firm.html", form)


def _start_again(sentence: str) -> Response:
    session.pop(CHOICE, None)
    flash(sentence, "info")
    return go("/sign-in")


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
