"""The board: who is coming, and what needs me now?"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request

from webapp.extensions import db
from webapp.lifecycle.conflicts import DONE
from webapp.localtime import parse_date
from webapp.queries import board
from webapp.ui import rows
from webapp.ui.board.spans import Span, filters_of, month_of, query_string
from webapp.ui.forms import new_token
from webapp.ui.guards import background, me, requires
from webapp.ui.htmx import is_htmx
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
def show(kind: str, day: str) -> str:
    """The whole page, or for htmx its list alone."""
    span = _span(kind, day)
    filters = filters_of(request.args)
    if is_htmx():
        return render_template("board/_board.html", **_list(span, filters))
    counts = board.counts(db.session(), firm_id=me().firm_id, span=span.bounds)  # before the rows: see mark
    return render_template(
        "board/day.html",
        nav_current="day",
        counts=counts,
        month=month_of(span.first),
        q=filters.q,
        changes=[],
        seen=counts.mark,
        since=(g.now - OVERLAP).isoformat(),
        **_list(span, filters),
    )


@bp.get("/<any(day, week):kind>/<day>/changes")
@background
@requires(Permission.VIEW)
def changes(kind: str, day: str) -> Response:
    """204 while nothing has changed; else new counts and, if it was others, a notice that says what."""
    span = _span(kind, day)
    seen = request.args.get("seen", "")
    mark = board.mark(db.session(), firm_id=me().firm_id, span=span.bounds)
    if mark == seen:
        return Response(status=204)
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
            seen=counts.mark,
            since=since.isoformat(),
            out_of_band=True,
        )
    )


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


def _list(span: Span, filters: board.Filters) -> dict[str, Any]:
    """What ``board/_board.html`` needs."""
    user = me()
    found = board.rows(db.session(), firm_id=user.firm_id, span=span.bounds, filters=filters)
    shown = rows.present_all(found, user, g.now, day_known=span.kind == "day")
    upcoming = None
    if not shown and not filters.any:
        upcoming = board.next_after(db.session(), firm_id=user.firm_id, moment=span.bounds[1])
    return {
        "span": span,
        "filters": filters,
        "query": query_string(filters),
        "query_without_q": query_string(filters, without_q=True),
        "groups": _groups(span, shown),
        "row_count": len(shown),
        "full": len(shown) == board.PAGE,
        "page_size": board.PAGE,
        "upcoming": upcoming,
        "now_before": _now_before(span, shown),
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


def _now_before(span: Span, shown: list[rows.RowView]) -> int | None:
    """The row above which the line of the present time stands; None when it is not on this board."""
    if span.kind != "day" or not span.bounds[0] <= g.now < span.bounds[1]:
        return None
    return next((row.id for row in shown if row.at > g.now), None)
