"""Polls: the list, a new one, one poll's page and what is new on it."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle.errors import Conflict
from webapp.lifecycle.polls import drafting
from webapp.localtime import zone_names
from webapp.queries import choices, poll_list, types
from webapp.ui import downloads, guards
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.polls import notify, page, steps, table
from webapp.ui.polls.forms import PollForm
from webapp.vocabulary import MailTemplate, Permission

bp = Blueprint("polls", __name__)
steps.install(bp)
bp.add_app_template_filter(datetime.fromisoformat, "instant")


@bp.get("/polls")
@requires(Permission.VIEW)
def index() -> str:
    text = request.args.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    ended, more = poll_list.ended(db.session(), firm_id=me().firm_id, before=before)
    return render_template(
        "polls/index.html",
        running=poll_list.running(db.session(), firm_id=me().firm_id) if before is None else [],
        ended=ended,
        more=more,
        later=before is not None,
        badge_of=page.BADGES,
        nav_current="polls",
    )


@bp.get("/polls.csv")
@requires(Permission.EXPORT)
def as_file() -> Response:
    """All polls, running and ended, the newest first."""
    return downloads.table(poll_list.every(guards.engine(), firm_id=me().firm_id), table.POLLS, "polls")


@bp.route("/polls/new", methods=["GET", "POST"])
@requires(Permission.BOOK)
def new() -> Response:
    form, kinds = _form()
    step = request.form.get("step", "")
    usual = next((kind.duration for kind in kinds if kind.appointment_type_id == _chosen(form)), 60)
    if request.method == "POST" and form.grow(step):
        return _form_page(form, kinds)
    if step == "check":
        form.mark(me().local, form.length(usual), page.calendar(form.staff_user_id.data or 0))
        return _form_page(form, kinds)
    if form.accepted():
        plan = form.draft(me().local, usual)
        made = form.attempt(lambda: _create(plan)) if plan is not None else None
        if made is not None:
            flash(f"The poll is open. {made['asked']}", "toast")
            return go(page.url_of(made["poll_id"]))
    return _form_page(form, kinds)


def _form() -> tuple[PollForm, list[Any]]:
    session, firm_id, local = db.session(), me().firm_id, me().local
    closes = local.day_of(g.now) + timedelta(days=3)
    form = PollForm(
        data={
            "deadline": {"day": closes.isoformat(), "time": "17:00"},
            "staff_user_id": me().staff_user_id,
        }
    )
    kinds = [kind for kind in types.all_types(session, firm_id=firm_id) if kind.retired_at is None]
    form.appointment_type_id.choices = [(kind.appointment_type_id, kind.name) for kind in kinds]
    form.staff_user_id.choices = choices.bookable_staff(session, firm_id=firm_id)
    return form, kinds


def _chosen(form: PollForm) -> int:
    return int(form.appointment_type_id.data or 0)


def _create(plan: drafting.PollDraft) -> dict[str, Any]:
    session = db.session()
    poll = drafting.create(session, actor=me().actor, draft=plan, now=g.now)
    ids = drafting.invitee_ids(session, poll)
    notify.queue(poll.poll_id, ids, MailTemplate.POLL)
    people = "1 invitee gets" if len(ids) == 1 else f"{len(ids)} invitees get"
    return {"poll_id": poll.poll_id, "asked": f"{people} an e-mail with a link of their own."}


def _form_page(form: PollForm, kinds: list[Any]) -> Response:
    shown = render_template(
        "polls/new.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        kinds=kinds,
        zones=sorted(zone_names()),
        nav_current="polls",
    )
    return make_response(shown, form.status)


@bp.get("/polls/<int:poll_id>")
@requires(Permission.VIEW)
def show(poll_id: int) -> str:
    return render_template("polls/show.html", **page.context(page.load(poll_id)))


@bp.get("/polls/<int:poll_id>.csv")
@requires(Permission.EXPORT)
def replies_as_file(poll_id: int) -> Response:
    """The grid: one row for each invitee."""
    found = page.load(poll_id)
    return downloads.table(found.invitees, table.replies(found, me().local), f"poll-{poll_id}-replies")


@bp.get("/polls/<int:poll_id>/changes")
@requires(Permission.VIEW)
def changes(poll_id: int) -> Response:
    """204 while nothing has changed; else the new replies, and a notice when staff changed the poll."""
    seen = request.args.get("seen", "")
    found = page.load(poll_id)
    if found.mark == seen:
        return Response(status=204)
    structure = request.args.get("structure", "")
    return make_response(
        render_template(
            "polls/_changes.html",
            out_of_band=found.structure == structure,
            structure=structure,
            changed=found.structure != structure,
            **page.context(found),
        )
    )


@bp.errorhandler(Conflict)
def conflict(error: Conflict) -> Response:
    return page.conflict(error, (request.view_args or {})["poll_id"])
