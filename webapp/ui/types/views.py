"""Appointment types, under the settings."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import transaction
from webapp.lifecycle import types as lifecycle
from webapp.queries import changes, types
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.types.forms import TypeForm
from webapp.vocabulary import Permission

bp = Blueprint("types", __name__)

LIST = "/settings/types"


@bp.get(LIST)
@requires(Permission.MANAGE_SETTINGS)
def index() -> str:
    session, firm_id = db.session(), me().firm_id
    return render_template(
        "types/index.html",
        kinds=types.all_types(session, firm_id=firm_id),
        firm=types.firm_limits(session, firm_id=firm_id),
        form=DeskForm(),
        nav_current="settings",
    )


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def new() -> Response:
    form = TypeForm()
    if form.accepted():
        made = form.attempt(lambda: _create(form))
        if made is not None:
            flash(f"Added {made['name']}. It can be booked now.", "toast")
            return go(LIST)
    return _form_page(form, "New appointment type")


def _create(form: TypeForm) -> dict[str, Any]:
    kind = lifecycle.create(db.session(), actor=me().actor, facts=form.facts(), now=g.now)
    return {"name": kind.name}


@bp.route(f"{LIST}/<int:appointment_type_id>", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def edit(appointment_type_id: int) -> Response:
    session, firm_id = db.session(), me().firm_id
    seen = changes.of_type(session, firm_id=firm_id, appointment_type_id=appointment_type_id)
    kind = types.get(session, firm_id=firm_id, appointment_type_id=appointment_type_id)
    form = TypeForm.showing(kind, seen)
    if form.accepted() and form.attempt(lambda: _edit(form, appointment_type_id)) is not None:
        flash(f"Saved {' '.join(form.name.data.split())}.", "toast")
        return go(LIST)
    return _form_page(form, f"Edit {kind.name}")


def _edit(form: TypeForm, appointment_type_id: int) -> bool:
    session, actor = db.session(), me().actor
    kind = lifecycle.get(session, actor.firm_id, appointment_type_id)
    return lifecycle.edit(session, kind, actor=actor, facts=form.facts(), now=g.now, seen=form.last_seen)


@bp.post(f"{LIST}/<int:appointment_type_id>/retirement")
@requires(Permission.MANAGE_SETTINGS)
def retire(appointment_type_id: int) -> Response:
    name, changed = _switch(lifecycle.retire, appointment_type_id)
    after = "is not offered any more. What is booked stays booked." if changed else "was retired already."
    flash(f"{name} {after}", "toast")
    return go(LIST)


@bp.post(f"{LIST}/<int:appointment_type_id>/restoration")
@requires(Permission.MANAGE_SETTINGS)
def restore(appointment_type_id: int) -> Response:
    name, changed = _switch(lifecycle.restore, appointment_type_id)
    flash(f"{name} {'can be booked again.' if changed else 'was offered already.'}", "toast")
    return go(LIST)


def _switch(step: Callable[..., bool], appointment_type_id: int) -> tuple[str, bool]:
    """Retire or restore; a second arrival finds it done and changes nothing."""
    session, actor = db.session(), me().actor

    def work() -> tuple[str, bool]:
        kind = lifecycle.get(session, actor.firm_id, appointment_type_id)
        return kind.name, step(session, kind, actor=actor, now=g.now)

    return transaction.run(session, work)


def _form_page(form: TypeForm, title: str) -> Response:
    page = render_template(
        "types/form.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        page_title=title,
        firm=types.firm_limits(db.session(), firm_id=me().firm_id),
        nav_current="settings",
    )
    return make_response(page, form.status)
