"""One's own calendar feeds, the calendars behind them, and one appointment as a file."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request

from webapp.config import Settings
from webapp.delivery import feeds as files
from webapp.delivery import letters
from webapp.extensions import db
from webapp.lifecycle import feeds, transaction
from webapp.queries import appointment_list
from webapp.queries import feeds as known
from webapp.ui.feeds.forms import FeedForm, told
from webapp.ui.forms import DeskForm
from webapp.ui.guards import anonymous, me, requires
from webapp.ui.htmx import go
from webapp.vocabulary import Permission

bp = Blueprint("feeds", __name__)

LIST = "/preferences/calendars"
MIMETYPE = "text/calendar; charset=utf-8"


@bp.get(LIST)
@requires(Permission.VIEW)
def index() -> str:
    return _list()


def _list(shown: int = 0, address: str = "") -> str:
    """The feeds; of one of them, if it was asked for, the address."""
    user = me()
    lines = known.mine(db.session(), firm_id=user.firm_id, staff_user_id=user.staff_user_id)
    return render_template(
        "feeds/index.html",
        feeds=[(line, told(line.statuses)) for line in lines],
        shown=shown,
        address=address,
        form=DeskForm(),
    )


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@requires(Permission.VIEW)
def new() -> Response:
    user, form = me(), FeedForm()
    form.offer(appointment_list.options(db.session(), firm_id=user.firm_id), mine=user.staff_user_id)
    if form.accepted() and (made := form.attempt(lambda: _make(form))) is not None:
        flash("The feed is there. Show its address and give it to your calendar.", "toast")
        return go(f"{LIST}#feed-{made['calendar_feed_id']}")
    page = render_template(
        "feeds/form.html", form=form, form_errors=form.errors_list() if form.status != 200 else []
    )
    return make_response(page, form.status)


def _make(form: FeedForm) -> dict[str, Any]:
    made = feeds.make(
        db.session(),
        actor=me().actor,
        secret=_settings().secret_key,
        name=form.name.data,
        staff_user_id=form.person,
        appointment_type_id=form.kind,
        statuses=form.statuses,
        with_names=form.with_names.data,
        now=g.now,
    )
    return {"calendar_feed_id": made.calendar_feed_id}


@bp.post(f"{LIST}/<int:calendar_feed_id>/address")
@requires(Permission.VIEW)
def show_address(calendar_feed_id: int) -> str:
    """The list with the address on it: only a submission shows it, so no link and no history entry does."""
    user = me()
    if not DeskForm().accepted():
        return _list()
    feed = known.own(
        db.session(),
        firm_id=user.firm_id,
        staff_user_id=user.staff_user_id,
        calendar_feed_id=calendar_feed_id,
    )
    token = feeds.token_of(feed, secret=_settings().secret_key)
    return _list(calendar_feed_id, f"{_settings().base_url}/feeds/{token}.ics")


@bp.post(f"{LIST}/<int:calendar_feed_id>/revocation")
@requires(Permission.VIEW)
def revoke(calendar_feed_id: int) -> Response:
    session, actor, now = db.session(), me().actor, g.now
    if DeskForm().accepted():
        feed = transaction.run(session, lambda: feeds.revoke(session, calendar_feed_id, actor=actor, now=now))
        flash(f"{feed.name} has ended. Calendars that follow it are told that nothing is there.", "toast")
    return go(LIST)


@bp.get("/feeds/<token>.ics")
@anonymous
def calendar(token: str) -> Response:
    """The calendar that an address opens; whatever is wrong with it, nothing is there."""
    session, now = db.session(), g.now
    feed = feeds.resolve(session, token=token)
    if feed is None:
        return Response("There is nothing at this address.", 404, mimetype="text/plain")
    wanted = known.shown(feed, now)
    mark = known.mark(session, wanted)
    if request.if_none_match.contains_weak(mark):
        answer = Response(status=304)
    else:
        answer = _file(feed.name, known.entries(session, wanted), with_names=feed.with_names)
    if not feeds.is_noted(feed, now):
        number = feed.calendar_feed_id
        transaction.run(session, lambda: feeds.note_reading(session, number, now))
    answer.headers["Cache-Control"] = "private, max-age=300"
    answer.set_etag(mark, weak=True)
    return answer


@bp.get("/appointments/<int:appointment_id>.ics")
@requires(Permission.VIEW)
def one(appointment_id: int) -> Response:
    """One appointment, for one's own calendar."""
    firm_id = me().firm_id
    found = known.entry(db.session(), firm_id=firm_id, appointment_id=appointment_id)
    answer = _file(me().firm_name, [found], with_names=True)
    name = f"appointment-{appointment_id}.ics"
    answer.headers["Content-Disposition"] = f"attachment; filename={name}"
    return answer


def _file(name: str, entries: list[known.Entry], *, with_names: bool) -> Response:
    found = _settings()
    content = files.calendar(
        name, entries, host=letters.host(found), base_url=found.base_url, with_names=with_names
    )
    return Response(content, content_type=MIMETYPE)


def _settings() -> Settings:
    found: Settings = current_app.config["SETTINGS"]
    return found
