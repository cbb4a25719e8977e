"""What the selection bar of a list does: at once, or after asking once for the facts that a step needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import appointments as lifecycle
from webapp.queries import board
from webapp.queries.rows import Row
from webapp.ui.bulk import selection, steps
from webapp.ui.bulk.forms import CancelForm, NoShowForm, SelectionForm
from webapp.ui.bulk.selection import MOST, Ref
from webapp.ui.guards import me, requires, safe_next
from webapp.ui.htmx import go
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Permission

bp = Blueprint("bulk", __name__, url_prefix="/bulk")


@dataclass(frozen=True, slots=True)
class Kind:
    """A step: what it calls, what it needs to know, and how a page speaks of it."""

    action: Action
    step: Callable[..., Any]
    done: str
    form: type[SelectionForm] = SelectionForm
    facts: Callable[[Any], dict[str, Any]] = lambda form: {}
    verb: str = ""
    danger: bool = False


KINDS = {
    "completion": Kind(Action.COMPLETE, lifecycle.complete, "completed"),
    "approval": Kind(Action.APPROVE, lifecycle.approve, "approved"),
    "cancellation": Kind(
        Action.CANCEL,
        lifecycle.cancel,
        "cancelled",
        CancelForm,
        lambda form: {
            "reason": form.reason.data,
            "cancelled_by": CancelledBy(form.cancelled_by.data),
        },
        "Cancel",
        danger=True,
    ),
    "no-show": Kind(
        Action.MARK_NO_SHOW,
        lifecycle.mark_no_show,
        "marked as no-show",
        NoShowForm,
        lambda form: {"party": NoShowParty(form.party.data), "note": form.note.data or ""},
        "Mark as no-show",
    ),
}


@bp.post("/<any(completion, approval):name>")
@requires(Permission.ACT)
def at_once(name: str) -> Response:
    """Act on every selected appointment, then back to the list."""
    form, refs = SelectionForm(), _refs()
    form.accepted()
    return _refusal(refs, form) or _take(KINDS[name], form, refs)


@bp.post("/<any('cancellation', 'no-show'):name>/facts")
@requires(Permission.ACT)
def ask(name: str) -> Response:
    """Show the dialog (or page) that asks for the facts, and what will change by them."""
    kind, refs = KINDS[name], _refs()
    sent = SelectionForm()
    return _refusal(refs, sent) or _show(name, kind.form(formdata=None, back=sent.back.data), refs)


@bp.post("/<any('cancellation', 'no-show'):name>")
@requires(Permission.ACT)
def with_facts(name: str) -> Response:
    """Act on every appointment that the dialog listed, then back to the list."""
    kind, refs = KINDS[name], _refs()
    form = kind.form()
    if refusal := _refusal(refs, form):
        return refusal
    return _take(kind, form, refs) if form.accepted() else _show(name, form, refs)


def _refs() -> list[Ref]:
    return selection.read(request.form.getlist("ref"))


def _back(form: SelectionForm) -> str:
    return safe_next(form.back.data).rstrip("?")


def _refusal(refs: list[Ref], form: SelectionForm) -> Response | None:
    """Back to the list with a sentence where there is nothing to do, or too much at once."""
    if not refs:
        flash("Nothing was selected. Tick the appointments first.", "warning")
        return go(_back(form))
    if len(refs) > MOST:
        flash(
            f"Select at most {MOST} appointments at once. {len(refs)} were selected; nothing was changed.",
            "warning",
        )
        return go(_back(form))
    return None


def _rows(refs: list[Ref]) -> dict[int, Row]:
    ids = [ref.appointment_id for ref in refs]
    found = board.by_ids(db.session(), firm_id=me().firm_id, appointment_ids=ids)
    return {row.appointment_id: row for row in found}


def _take(kind: Kind, form: SelectionForm, refs: list[Ref]) -> Response:
    outcome = steps.take(
        kind.step,
        refs,
        token=form.token,
        me=me(),
        now=g.now,
        rows=_rows(refs),
        facts=kind.facts(form),
    )
    steps.tell(outcome, kind.done)
    return go(_back(form))


def _show(name: str, form: SelectionForm, refs: list[Ref]) -> Response:
    kind = KINDS[name]
    chosen = selection.candidates(refs, _rows(refs), kind.action, me(), g.now)
    back = _back(form)
    able = [candidate for candidate in chosen if not candidate.why_not]
    html = render_template(
        "bulk/facts.html",
        kind=kind,
        name=name,
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        able=able,
        unable=[candidate for candidate in chosen if candidate.why_not],
        action_url=f"/bulk/{name}" if able else "",
        back_url=back,
        nav_current="",
    )
    return make_response(html, form.status)
