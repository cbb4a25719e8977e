"""Tokens of the API: which there are, making one, showing its text once, ending it."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import tokens as lifecycle
from webapp.queries import tokens
from webapp.queries.tokens import State
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.tokens.forms import TokenForm
from webapp.vocabulary import SCOPE_LABELS, Permission

bp = Blueprint("tokens", __name__)

LIST = "/settings/tokens"
STATES = {
    State.ACTIVE: "Active",
    State.EXPIRED: "Expired",
    State.DEACTIVATED: "Person deactivated",
    State.REVOKED: "Revoked",
}


@bp.get(LIST)
@requires(Permission.MANAGE_SETTINGS)
def index() -> str:
    return render_template(
        "tokens/index.html",
        tokens=tokens.tokens(db.session(), firm_id=me().firm_id, now=g.now),
        labels=SCOPE_LABELS,
        states=STATES,
        nav_current="settings",
    )


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def new() -> Response:
    """A form that arrives a second time finds its token made: its text was in the first answer alone."""
    form = TokenForm()
    form.offer(tokens.people(db.session(), firm_id=me().firm_id, role=me().role))
    made: dict[str, str] = {}
    if form.accepted() and (answer := form.attempt(lambda: _make(form, made))) is not None:
        return _shown(answer["api_token_id"], made.get("text"))
    page = render_template(
        "tokens/form.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        nav_current="settings",
    )
    return make_response(page, form.status)


def _make(form: TokenForm, made: dict[str, str]) -> dict[str, Any]:
    facts = form.facts()
    length = facts.pop("length")
    token, made["text"] = lifecycle.make(
        db.session(),
        actor=me().actor,
        now=g.now,
        expires_at=None if length is None else g.now + length,
        **facts,
    )
    return {"api_token_id": token.api_token_id}


def _shown(api_token_id: int, text: str | None) -> Response:
    page = render_template(
        "tokens/made.html",
        token=tokens.token(db.session(), firm_id=me().firm_id, api_token_id=api_token_id, now=g.now),
        text=text,
        labels=SCOPE_LABELS,
        address=f"{current_app.config['SETTINGS'].base_url}/api/v1",
        nav_current="settings",
    )
    return make_response(page)


@bp.route(f"{LIST}/<int:api_token_id>/revocation", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def revoke(api_token_id: int) -> Response:
    token = tokens.token(db.session(), firm_id=me().firm_id, api_token_id=api_token_id, now=g.now)
    form = DeskForm()
    if form.accepted() and form.attempt(lambda: _revoke(api_token_id)) is not None:
        flash(f"{token.name} is revoked and opens nothing any more.", "toast")
        return go(LIST)
    page = render_template(
        "tokens/revoke.html",
        token=token,
        form=form,
        form_errors=form.errors_list(),
        nav_current="settings",
    )
    return make_response(page, form.status)


def _revoke(api_token_id: int) -> None:
    lifecycle.revoke(db.session(), api_token_id, actor=me().actor, now=g.now)
