"""The timeline of the firm: what was changed, by whom, why."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle.conflicts import DONE
from webapp.queries import activity, export
from webapp.ui import csv_table, cursors, guards, papers
from webapp.ui.activity import words
from webapp.ui.activity.forms import FilterForm, Filters, read
from webapp.ui.guards import background, me, requires
from webapp.ui.htmx import go, is_htmx
from webapp.vocabulary import Permission

bp = Blueprint("activity", __name__)
papers.install(bp)

PATH = "/activity"
OVERLAP = timedelta(seconds=20)
"""How long a writer may wait before it commits what it dated at its start."""
MOST_NEWS = 500
TOLD = 3


@bp.get(PATH)
@requires(Permission.VIEW)
def show() -> Response:
    """The page, or for htmx its results alone."""
    form, filters = read(request.args)
    context: dict[str, Any] = {"form": form, "filters": filters}
    if filters is None:
        context["form_errors"] = [(field.id, field.errors[0]) for field in form if field.errors]
        return _rendered(form, context, 422)
    response = _rendered(form, context | _results(filters), 200)
    if is_htmx():
        response.headers["HX-Push-Url"] = filters.url(PATH)
    return response


@bp.get(f"{PATH}/news")
@background
@requires(Permission.VIEW)
def news() -> Response:
    """204 while nothing was recorded since the page last looked; else a notice of what was."""
    _form, filters = read(request.args)
    since, shown = _instant(request.args.get("since", "")), _count(request.args.get("shown", ""))
    if filters is None:
        return Response(status=204)
    criteria, firm_id = filters.criteria(me().local, me().staff_user_id), me().firm_id
    found = activity.news(
        db.session(), firm_id=firm_id, criteria=criteria, since=since, most=shown + MOST_NEWS
    )
    if found <= max(shown, _count(request.args.get("seen", ""))):
        return Response(status=204)
    newest = activity.page(
        db.session(), firm_id=firm_id, criteria=criteria, size=min(found - shown, TOLD), counted=False
    )
    context = _live(filters, since, shown, found)
    html = render_template(
        "activity/_news.html",
        count=found - shown,
        most=MOST_NEWS,
        changes=newest.rows,
        done=DONE,
        url=filters.url(PATH),
        **context,
    )
    return make_response(html)


@bp.get(f"{PATH}.csv")
@requires(Permission.EXPORT)
def as_file() -> Response:
    """The filtered timeline as a file that is made while it is sent; the page explains filters gone wrong."""
    _form, filters = read(request.args)
    if filters is None:
        return _explained()
    user = me()
    name = f"{export.firm_slug(db.session(), firm_id=user.firm_id)}-{_stem(filters)}.csv"
    criteria = filters.criteria(user.local, user.staff_user_id)
    found = activity.every(guards.engine(), firm_id=user.firm_id, criteria=criteria)
    return csv_table.answer(found, words.COLUMNS, user.local, name)


@bp.get(f"{PATH}.pdf")
@requires(Permission.VIEW)
def as_pdf() -> Response:
    """One page of the timeline as a PDF file; the page explains filters gone wrong."""
    form, filters = read(request.args)
    if filters is None:
        return _explained()
    form.offer(activity.people(db.session(), firm_id=me().firm_id))
    told = form.told(me().local)
    html = render_template("activity/paper.html", title="Activity", told=told, **_page(filters))
    return papers.answer(html, _stem(filters))


def _explained() -> Response:
    return go(f"{PATH}?{request.query_string.decode('ascii', 'replace')}")


def _stem(filters: Filters) -> str:
    """``activity-from-2026-01-01``; without dates the day on which it was made."""
    first = f"-from-{filters.first}" if filters.first else ""
    last = f"-to-{filters.last}" if filters.last else ""
    return f"activity{f'{first}{last}' or f'-{_today()}'}"


def _today() -> date:
    return me().local.day_of(g.now)


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        found: datetime = g.now
        return found


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _rendered(form: FilterForm, context: dict[str, Any], status: int) -> Response:
    if is_htmx():
        return make_response(render_template("activity/_results.html", **context), status)
    form.offer(activity.people(db.session(), firm_id=me().firm_id))
    told = form.told(me().local)
    html = render_template("activity/index.html", nav_current="activity", told=told, **context)
    return make_response(html, status)


def _results(filters: Filters) -> dict[str, Any]:
    """What ``activity/_results.html`` needs. News is counted before the rows: told twice, not never."""
    user, after = me(), cursors.read(request.args, "after")
    criteria = filters.criteria(user.local, user.staff_user_id)
    here = [("after", request.args["after"])] if after else []
    since = g.now - OVERLAP
    live = after is None and (filters.last is None or filters.last >= _today())
    known = (
        activity.news(db.session(), firm_id=user.firm_id, criteria=criteria, since=since, most=MOST_NEWS)
        if live
        else 0
    )
    return {
        **_page(filters),
        "periods": _periods(filters),
        "first_url": filters.url(PATH),
        "csv_url": filters.url(f"{PATH}.csv"),
        "pdf_url": filters.url(f"{PATH}.pdf", *here),
        "beyond": after is not None,
        "live": _live(filters, since, known, known) if live else None,
    }


def _page(filters: Filters) -> dict[str, Any]:
    """The rows from the cursor on, under their days, and how far they reach."""
    user, after = me(), cursors.read(request.args, "after")
    criteria = filters.criteria(user.local, user.staff_user_id)
    page = activity.page(db.session(), firm_id=user.firm_id, criteria=criteria, after=after)
    following = page.following
    return {
        "days": words.by_day(page.rows, user.local, _today()),
        "count": _told(page),
        "next_url": filters.url(PATH, ("after", cursors.write(following))) if following else None,
        "reached": user.local.full_day_time(page.reached) if page.reached else "",
    }


def _live(filters: Filters, since: datetime, shown: int, seen: int) -> dict[str, str]:
    """Where the page asks for news, with what it knows already."""
    known = (("since", since.isoformat()), ("shown", str(shown)), ("seen", str(seen)))
    return {"news_url": filters.url(f"{PATH}/news", *known)}


def _periods(filters: Filters) -> list[tuple[str, str, bool]]:
    """Usual periods: what it is called, its address, whether it is the one shown."""
    today, local = _today(), me().local
    first = today.replace(day=1)
    offered = [
        ("All time", filters.during(None)),
        ("Today", filters.during(today)),
        ("Last 7 days", filters.during(today - timedelta(days=6))),
        (f"Since {local.day(first)}", filters.during(first)),
    ]
    return [(name, wanted.url(PATH), wanted == filters) for name, wanted in offered]


def _told(page: activity.Page) -> str:
    """``7 changes``, ``50 of 214 changes``, ``50 of 1,000+ changes``, or what is on this page alone."""
    shown = len(page.rows)
    if page.count is None or page.count == shown:
        return f"{shown:,} {'change' if shown == 1 else 'changes'}{' on this page' if page.following else ''}"
    count = f"{activity.CAP:,}+" if page.count > activity.CAP else f"{page.count:,}"
    return f"{shown} of {count} changes"
