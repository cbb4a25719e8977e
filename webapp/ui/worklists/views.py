"""What the fuse held back, for managers; and accepting the outcome that the facts suggest."""

from typing import Any

from flask import Blueprint, Response, abort, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle.sweeps import accept, holds
from webapp.queries import appointments, board, sweeps
from webapp.queries.sweeps import Hold
from webapp.ui import rows
from webapp.ui.guards import me, requires, safe_next
from webapp.ui.htmx import go, is_htmx, trigger
from webapp.ui.worklists import words
from webapp.ui.worklists.forms import AcceptForm, DecisionForm
from webapp.vocabulary import Permission

bp = Blueprint("worklists", __name__)

HELD_BACK = "/held-back"
NEEDS_OUTCOME = "/needs-outcome"


@bp.get(HELD_BACK)
@requires(Permission.MANAGE_SETTINGS)
def held_back() -> str:
    firm_id, session = me().firm_id, db.session()
    found = [
        (held, sweeps.sample(session, firm_id=firm_id, held=held))
        for held in sweeps.open_holds(session, firm_id=firm_id)
    ]
    return render_template(
        "worklists/held_back.html",
        holds=found,
        decided=sweeps.decided_holds(session, firm_id=firm_id),
        problems=sweeps.problems(session, firm_id=firm_id),
        words=words,
        dismissible=holds.DISMISSIBLE,
        nav_current="settings",
    )


@bp.route(f"{HELD_BACK}/<int:sweep_hold_id>/release", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def release(sweep_hold_id: int) -> Response:
    return _decide(sweep_hold_id, "release", holds.release, "Released. The next sweep decides them.")


@bp.route(f"{HELD_BACK}/<int:sweep_hold_id>/dismissal", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def dismiss(sweep_hold_id: int) -> Response:
    return _decide(sweep_hold_id, "dismissal", holds.dismiss, "Dismissed. They are left to people.")


def _decide(sweep_hold_id: int, path: str, step: Any, said: str) -> Response:
    held = _load(sweep_hold_id)
    form = DecisionForm()

    def work() -> dict[str, Any]:
        step(db.session(), sweep_hold_id, actor=me().actor, now=g.now)
        return {}

    if form.accepted() and form.attempt(work) is not None:
        flash(said, "toast")
        return go(HELD_BACK)
    return make_response(
        render_template(
            f"worklists/{path}.html",
            form=form,
            form_errors=form.errors_list() if form.status != 200 else [],
            held=held,
            words=words,
            nav_current="settings",
        ),
        form.status,
    )


def _load(sweep_hold_id: int) -> Hold:
    found = sweeps.hold(db.session(), firm_id=me().firm_id, sweep_hold_id=sweep_hold_id)
    if found is None:
        abort(404)
    return found


@bp.route(f"{NEEDS_OUTCOME}/<int:appointment_id>/acceptance", methods=["GET", "POST"])
@requires(Permission.ACT)
def acceptance(appointment_id: int) -> Response:
    """Record what the facts suggest, under the name of the person who accepts it."""
    appointment = appointments.get(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
    form = AcceptForm(version=appointment.version)

    def work() -> dict[str, Any]:
        fresh = appointments.get(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)
        said = accept.suggestion(
            db.session(), fresh, actor=me().actor, now=g.now, expected_version=_seen(form)
        )
        return {"said": f"{said} {fresh.client_name}."}

    if form.accepted():
        answer = form.attempt(work)
        if answer is not None:
            return _accepted(appointment_id, answer["said"])
    found = sweeps.evidence(
        db.session(), firm_id=me().firm_id, appointment_ids=[appointment_id], now=g.now
    ).get(appointment_id)
    return make_response(
        render_template(
            "worklists/acceptance.html",
            form=form,
            form_errors=form.errors_list() if form.status != 200 else [],
            appointment=appointment,
            evidence=found,
            nav_current="outcomes",
        ),
        form.status,
    )


def _accepted(appointment_id: int, said: str) -> Response:
    """The row in its new state where a list asked for it, else the list from which the button came."""
    if not (is_htmx() and request.args.get("row") == "1"):
        flash(said, "toast")
        return go(safe_next(request.form.get("back") or NEEDS_OUTCOME))
    [found] = board.by_ids(db.session(), firm_id=me().firm_id, appointment_ids=[appointment_id])
    html = render_template(
        "appointments/_row_answer.html",
        row=rows.present(found, me(), g.now, day_known=False),
        swapped=True,
        toast_text=said,
        page_token=request.form.get("form_token", ""),
    )
    return trigger(make_response(html), appointment__changed={"id": appointment_id})


def _seen(form: AcceptForm) -> int | None:
    return request.args.get("version", type=int) or form.version.data
