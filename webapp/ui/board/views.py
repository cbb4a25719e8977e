"""The board: who is coming, and what needs me now?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request

from webapp.extensions import db
from webapp.lifecycle.conflicts import DONE
from webapp.localtime import parse_date
from webapp.queries import board, board_past, export
from webapp.queries.rows import Row
from webapp.ui import csv_table, rows
from webapp.ui.board import past, table
from webapp.ui.board.past import Past
from webapp.ui.board.spans import Span, filters_of, month_of, pairs, query_string
from webapp.ui.forms import new_token
from webapp.ui.guards import background, me, requires
from webapp.ui.htmx import go, is_htmx
from webapp.vocabulary import Permission, Status

bp = Blueprint("board", __name__)

OVERLAP = timedelta(seconds=20)
"""How long a writer may wait before it commits what it dated at its start; such a change is then told once
too often rather than never."""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows under one heading: an hour of the day, or a day of the week."""

    heading: str
    url: str
    rows: list[rows.RowView]


@bp.get("/day")
@bp.get("/day/")
@requires(Permission.VIEW)
def today() -> Response:
    day = me().local.day_of(g.now)
    return redirect(f"/day/{day.isoformat()}{_kept_query()}", code=303)  # type: ignore[return-value]


@bp.get("/<any(day, week):kind>/<day>")
@requires(Permission.VIEW)
def show(kind: str, day: str) -> Response:
    """The whole page, or for htmx its list alone; with ``as_of`` as it stood at that instant."""
    span, filters = _span(kind, day), filters_of(request.args)
    try:
        then = past.read(request.args, span, g.now)
    except ValueError as error:
        return _no_such_moment(span, filters, str(error))
    if then is not None and "as_of_time" in request.args:
        return go(f"{span.url}{query_string(filters, then)}")
    if is_htmx():
        return make_response(render_template("board/_board.html", **_list(span, filters, then)))
    now_counts = {"seen": "", "since": ""}
    if then is None:
        counts = board.counts(
            db.session(), firm_id=me().firm_id, span=span.bounds
        )  # before the rows: see mark
        now_counts = {"seen": _tag(counts.mark), "since": (g.now - OVERLAP).isoformat()}
    else:
        counts = board_past.counts(db.session(), firm_id=me().firm_id, span=span.bounds, at=then.at)
    html = render_template(
        "board/day.html",
        nav_current="day",
        counts=counts,
        month=month_of(span.first),
        q=filters.q,
        changes=[],
        **now_counts,
        **_asked(span, filters, then),
        **_list(span, filters, then),
    )
    return make_response(html)


@bp.get("/<any(day, week):kind>/<day>.csv")
@requires(Permission.EXPORT)
def as_file(kind: str, day: str) -> Response:
    """The filtered board as a file; the page explains an instant that is none."""
    span, filters = _span(kind, day), filters_of(request.args)
    try:
        then = past.read(request.args, span, g.now)
    except ValueError:
        return go(f"{span.url}?{request.query_string.decode('ascii', 'replace')}")
    found = _rows(span, filters, then, limit=None)
    stem = f"{export.firm_slug(db.session(), firm_id=me().firm_id)}-{kind}-{span.first}"
    name = f"{stem}-as-of-{then.day}-{then.clock.replace(':', '')}.csv" if then else f"{stem}.csv"
    return csv_table.answer(found, table.columns(then.at if then else g.now), me().local, name)


def _no_such_moment(span: Span, filters: board.Filters, sentence: str) -> Response:
    """422, or for htmx the page that says so."""
    if is_htmx():
        return go(request.full_path)
    typed = {"as_of_clock": request.args.get("as_of_time", "")}
    html = render_template(
        "board/no_moment.html",
        nav_current="day",
        span=span,
        query=query_string(filters),
        form_errors=[("as_of_time", sentence)],
        **(_asked(span, filters, None) | typed),
    )
    return make_response(html, 422)


def _asked(span: Span, filters: board.Filters, then: Past | None) -> dict[str, Any]:
    """What ``board/_as_of.html`` needs: the fields of the form, and the filters that it carries along."""
    return {
        "as_of_day": (then.day if then else past.usual_day(span, g.now)).isoformat(),
        "as_of_clock": then.clock if then else "",
        "filter_pairs": pairs(filters),
    }


@bp.get("/<any(day, week):kind>/<day>/changes")
@background
@requires(Permission.VIEW)
def changes(kind: str, day: str) -> Response:
    """304 while nothing has changed; else new counts and, if it was others, a notice that says what."""
    span = _span(kind, day)
    mark = board.mark(db.session(), firm_id=me().firm_id, span=span.bounds)
    if request.if_none_match.contains_weak(_tag(mark)):
        return Response(status=304, headers={"ETag": f'W/"{_tag(mark)}"'})
    since = _instant(request.args.get("since", ""))
    counts = board.counts(db.session(), firm_id=me().firm_id, span=span.bounds, seen=mark)
    found = board.changes_by_others(
        db.session(), firm_id=me().firm_id, span=span.bounds, since=since, but_not=me().staff_user_id
    )
    filters = filters_of(request.args)
    return make_response(
        render_template(
            "board/_changes.html",
            span=span,
            filters=filters,
            query=query_string(filters),
            counts=counts,
            changes=found,
            done=DONE,
            seen=_tag(mark),
            since=since.isoformat(),
            out_of_band=True,
        ),
        {"ETag": f'W/"{_tag(mark)}"'},
    )


def _tag(mark: str) -> str:
    """What the answer depends on: the bookings, who looks, and the minute, as deadlines simply pass."""
    user = me()
    return f"{mark}.{user.staff_user_id}.{user.role}.{user.local.zone}.{int(g.now.timestamp()) // 60}"


def _span(kind: str, day: str) -> Span:
    try:
        return Span.of(kind, parse_date(day), me().local)
    except ValueError:
        abort(404)


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        found: datetime = g.now
        return found


def _kept_query() -> str:
    return query_string(filters_of(request.args))


def _rows(span: Span, filters: board.Filters, then: Past | None, limit: int | None) -> list[Row]:
    asked: dict[str, Any] = {"firm_id": me().firm_id, "span": span.bounds, "filters": filters, "limit": limit}
    if then is not None:
        return board_past.rows(db.session(), at=then.at, **asked)
    return board.rows(db.session(), **asked)


def _list(span: Span, filters: board.Filters, then: Past | None) -> dict[str, Any]:
    """What ``board/_board.html`` needs."""
    user, moment = me(), then.at if then else g.now
    found = _rows(span, filters, then, board.PAGE)
    shown = rows.present_all(found, user, moment, day_known=span.kind == "day")
    if then is not None:
        shown = [row.read_only() for row in shown]
    upcoming = None
    if not shown and not filters.any and then is None:
        upcoming = board.next_after(db.session(), firm_id=user.firm_id, moment=span.bounds[1])
    return {
        "span": span,
        "filters": filters,
        "past": then,
        "moment": moment,
        "query": query_string(filters, then),
        "query_of_now": query_string(filters),
        "query_without_q": query_string(filters, then, without_q=True),
        "query_without_filters": then.query if then else "",
        "groups": _groups(span, shown),
        "row_count": len(shown),
        "full": len(shown) == board.PAGE,
        "page_size": board.PAGE,
        "upcoming": upcoming,
        "now_before": _now_before(span, shown, moment),
        "today": user.local.day_of(g.now),
        "page_token": new_token(),
        "statuses": list(Status),
    }


def _groups(span: Span, shown: list[rows.RowView]) -> list[Group]:
    local = span.local
    groups: dict[Any, Group] = {}
    for row in shown:
        at = local.at(row.at)
        if span.kind == "day":
            key: Any = (at.hour, at.utcoffset())
            heading, url = local.time(row.at - timedelta(minutes=at.minute, seconds=at.second)), ""
        else:
            key, heading, url = at.date(), local.long_day(at.date()), f"/day/{at.date().isoformat()}"
        groups.setdefault(key, Group(heading, url, [])).rows.append(row)
    return list(groups.values())


def _now_before(span: Span, shown: list[rows.RowView], moment: datetime) -> int | None:
    """The row above which the line of the time shown stands; None when it is not on this board."""
    if span.kind != "day" or not span.bounds[0] <= moment < span.bounds[1]:
        return None
    return next((row.id for row in shown if row.at > moment), None)
