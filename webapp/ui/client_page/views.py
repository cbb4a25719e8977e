"""A client's own page: see, accept, decline, cancel, move. Looking at it never changes anything."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template, request

from webapp.extensions import csrf, db
from webapp.lifecycle import client_requests, submissions
from webapp.lifecycle.errors import Conflict, Stale
from webapp.queries import client_link
from webapp.queries.client_link import Opened
from webapp.ui.client_page import moving, staff
from webapp.ui.client_page.forms import AnswerForm, CallOffForm, MoveForm
from webapp.ui.forms import PublicForm
from webapp.ui.guards import anonymous
from webapp.ui.htmx import go

bp = Blueprint("client_page", __name__)
staff.install(bp)

TOKEN_KEPT = 60
CHANGED = (
    "The appointment has changed since this page was opened, or the time to do this has passed. "
    "Below is how it stands now."
)


class Gone(Exception):
    """The link opens nothing, for a reason that nobody is told."""


@bp.get("/c/<token>")
@anonymous
def show(token: str) -> Response:
    return _page(token, _open(token))


@bp.post("/c/<token>/confirmation")
@anonymous
@csrf.exempt  # the forms here check their tokens themselves and are shown again, ready to be sent
def confirm(token: str) -> Response:
    opened, form = _open(token), AnswerForm()

    def work(fresh: Opened) -> str:
        client_requests.accept(db.session(), fresh.appointment, now=g.now, expected_version=form.version.data)
        return "Thank you, the appointment is confirmed."

    if form.accepted() and (said := _once("confirm", token, form, work)):
        return _done(token, said)
    return _page(token, opened, form)


@bp.route("/c/<token>/cancellation", methods=["GET", "POST"])
@anonymous
@csrf.exempt
def cancel(token: str) -> Response:
    """Cancel what is confirmed, decline what was proposed."""
    opened = _open(token)
    found = client_requests.options(db.session(), opened.appointment, now=g.now)
    if request.method == "GET" and not (found.cancel or found.answer):
        return go(f"/c/{token}")
    form = _form(CallOffForm, opened)

    def work(fresh: Opened) -> str:
        client_requests.call_off(
            db.session(),
            fresh.appointment,
            reason=form.reason.data or "",
            now=g.now,
            expected_version=form.version.data,
        )
        return "Your answer is recorded." if found.answer else "The appointment is cancelled."

    if form.accepted() and (said := _once("cancel", token, form, work)):
        return _done(token, said)
    return _show("cancellation", token, opened, form, declining=found.answer)


@bp.route("/c/<token>/rescheduling", methods=["GET", "POST"])
@anonymous
@csrf.exempt
def move(token: str) -> Response:
    """Choose another free time. ``step=times`` only asks for those of another day (without script)."""
    opened = _open(token)
    found = client_requests.options(db.session(), opened.appointment, now=g.now)
    if request.method == "GET" and not found.move:
        return go(f"/c/{token}")
    form = _form(MoveForm, opened)
    wanted: list[datetime] = []

    def work(fresh: Opened) -> str:
        wanted.append(form.moment(fresh.local))
        successor = client_requests.move(
            db.session(),
            fresh.appointment,
            link=fresh.link,
            start=wanted[-1],
            reason=form.reason.data or "",
            now=g.now,
            expected_version=form.version.data,
        )
        return f"Moved to {fresh.local.day_time(successor.start_time)}."

    asked_for_times = request.form.get("step") == "times"
    if not asked_for_times and form.accepted() and (said := _once("move", token, form, work)):
        return _done(token, said)
    if form.status != 200:
        opened = _open(token)
    taken = wanted[-1] if wanted and form.status == 409 and form.start.errors else None
    return _show("rescheduling", token, opened, form, **moving.picking(token, opened, form, taken))


@bp.get("/c/<token>/slots")
@anonymous
def slots(token: str) -> Response:
    """The day and time part alone, for another day."""
    opened = _open(token)
    form = MoveForm(formdata=request.args)
    shown = moving.picking(token, opened, form, None)
    return make_response(render_template("partials/slot_picker.html", form=form, **shown))


def _open(token: str) -> Opened:
    opened = client_link.open_link(db.session(), token=token, now=g.now)
    if opened is None:
        raise Gone
    return opened


def _form(kind: type[AnswerForm], opened: Opened) -> Any:
    appointment = opened.appointment
    return kind(version=appointment.version, booking=appointment.appointment_id)


def _once(action: str, token: str, form: Any, work: Callable[[Opened], str]) -> str | None:
    """Take the step once per form; the sentence to say, or None when the form has to be shown again.

    Raises:
        Stale: the page that was sent showed another booking than the link leads to now.
    """

    def unit() -> dict[str, Any]:
        fresh = _open(token)

        def effect() -> dict[str, Any]:
            seen = (form.booking.data, form.version.data)
            if seen[0] != fresh.appointment.appointment_id or seen[1] is None:
                raise Stale(CHANGED)
            return {"said": work(fresh)}

        key = f"{action}:{fresh.link.personal_link_id}:{form.token[:TOKEN_KEPT]}" if form.token else ""
        return submissions.once(db.session(), firm_id=fresh.link.firm_id, token=key, now=g.now, work=effect)[
            0
        ]

    answer = form.attempt(unit)
    return None if answer is None else str(answer["said"])


def _done(token: str, said: str) -> Response:
    flash(said, "success")
    return go(f"/c/{token}")


def _page(token: str, opened: Opened, form: PublicForm | None = None, changed: str = "") -> Response:
    """The page as it stands, with the form of the answer where one is asked for."""
    shown = _form(AnswerForm, opened) if form is None else form
    return _show("show", token, opened, shown, code=409 if changed else shown.status, changed=changed)


def _show(template: str, token: str, opened: Opened, form: Any, code: int = 0, **more: Any) -> Response:
    options = client_requests.options(db.session(), opened.appointment, now=g.now)
    page = render_template(
        f"client_page/{template}.html",
        form=form,
        form_errors=form.errors_list(),
        opened=opened,
        appointment=opened.appointment,
        local=opened.local,
        firm_name=opened.firm.name,
        options=options,
        url=f"/c/{token}",
        **more,
    )
    return make_response(page, code or form.status)


@bp.errorhandler(Gone)
def gone(_error: Gone) -> Response:
    return make_response(render_template("links/gone.html"), 404)


@bp.errorhandler(Conflict)
def conflict(error: Conflict) -> Response:
    """409: what was sent does not fit any more; the page as it is now says what happened."""
    token = (request.view_args or {})["token"]
    opened = _open_again(token)
    if opened is None:
        return gone(Gone())
    form = AnswerForm(
        formdata=None, version=opened.appointment.version, booking=opened.appointment.appointment_id
    )
    return _page(token, opened, form, CHANGED)


def _open_again(token: str) -> Opened | None:
    return client_link.open_link(db.session(), token=token, now=g.now)


@bp.after_request
def keep_private(response: Response) -> Response:
    """The address is a secret: no page that it leads to learns it, and no search engine keeps it."""
    if (request.endpoint or "") not in staff.ENDPOINTS:
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
