"""What every transition's view does: load within the firm, fill the form, take the step once, show again."""

from collections.abc import Callable
from typing import Any

from flask import Response, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import appointments as lifecycle
from webapp.lifecycle.errors import Stale
from webapp.queries import appointments
from webapp.ui.appointments.answers import SAID
from webapp.ui.forms import VersionedForm
from webapp.ui.guards import me
from webapp.ui.rows import STEPS as ACTIONS
from webapp.vocabulary import Action

TEXTS = {"reason": "Your reason", "note": "Your note"}


def load(appointment_id: int) -> Any:
    """The appointment, within the firm, fresh from the database (404 otherwise)."""
    return appointments.get(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)


def offer(appointment: Any, action: Action) -> None:
    """Refuse to show a form for a step that is not possible now (409, with who made it so)."""
    if request.method == "GET":
        lifecycle.check(db.session(), appointment, action, me().actor, g.now)


def form_for(kind: type[VersionedForm], appointment: Any, **data: Any) -> Any:
    """A form that carries the version its reader sees."""
    return kind(version=appointment.version, **data)


def seen_version(form: VersionedForm) -> int | None:
    """The version that the person saw: the row's button has it in its URL, a form in a hidden field."""
    return request.args.get("version", type=int) or form.version.data


def take(
    form: VersionedForm,
    action: Action,
    appointment_id: int,
    work: Callable[[Any], dict[str, Any] | None],
    *,
    attempted: str = "",
) -> dict[str, Any] | None:
    """Take the step once per form: the first answer is given again to a second arrival of the same form.

    Args:
        work: gets the appointment; what it returns is kept in the answer beside ``said``, the sentence for
            the toast.
        attempted: a sentence of what was not saved, for the case that somebody was first.

    Returns:
        None when the form has to be shown again: what was typed was refused, or somebody changed the
        appointment and the step is still possible.

    Raises:
        NotAllowed: the step is no longer possible; ``g.lost`` has what was typed.
        Stale: somebody was first and there is nothing typed to keep.
    """
    if attempted:
        g.attempted = attempted
    g.lost = typed_in(form)

    def effect() -> dict[str, Any]:
        appointment = load(appointment_id)
        more = work(appointment) or {}
        return {"said": f"{SAID[action]} {appointment.client_name}, {_when(appointment)}.", **more}

    try:
        return form.attempt(effect)
    except Stale as error:
        if ACTIONS[action].direct:
            raise
        fresh = load(appointment_id)
        lifecycle.check(db.session(), fresh, action, me().actor, g.now)
        form.now_at(fresh.version)
        form.overtaken(error)
        return None


def typed_in(form: VersionedForm) -> list[tuple[str, str]]:
    """``(what it is, text)`` of the texts in a form, for a person who would have to type them again."""
    texts = [(label, str(form[name].data or "").strip()) for name, label in TEXTS.items() if name in form]
    return [(label, text) for label, text in texts if text]


def _when(appointment: Any) -> str:
    local = me().local
    if local.day_of(appointment.start_time) == local.day_of(g.now):
        return local.time(appointment.start_time)
    return local.day_time(appointment.start_time)


def show(template: str, form: VersionedForm, appointment: Any, **more: Any) -> Response:
    """The form, for the first time or again with its errors."""
    return make_response(
        render_template(
            f"appointments/{template}.html",
            form=form,
            form_errors=form.errors_list() if form.status != 200 else [],
            appointment=appointment,
            **more,
        ),
        form.status,
    )
