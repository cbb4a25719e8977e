"""All appointments, filtered; the same as a file; and the two worklists, requests and needs-outcome."""

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request

from webapp.extensions import db
from webapp.queries import appointment_list, export, late_joins, sweeps
from webapp.queries.appointment_list import Criteria, Order
from webapp.ui import appointments_file, csv_table, cursors, guards, rows
from webapp.ui.forms import new_token
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go, is_htmx
from webapp.ui.listing import evidence, paging
from webapp.ui.listing.forms import ME, FilterForm, Filters, read
from webapp.vocabulary import Permission, Status

bp = Blueprint("listing", __name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the three lists: its address, its words, and what every row of it has in common."""

    path: str
    title: str
    explanation: str
    nothing: str
    nothing_more: str
    nav: str
    order: Order | None = None


ALL = Kind(
    "/appointments",
    "Appointments",
    "All days",
    "No appointments yet",
    "Book the first one, and it stands here and on its day.",
    "appointments",
)
REQUESTS = Kind(
    "/requests",
    "Requests",
    "Everybody who waits for an answer, the one who has waited longest first",
    "Nothing waits for an answer.",
    "New requests stand here until they are approved or declined.",
    "requests",
    Order.WAITING,
)
NEEDS_OUTCOME = Kind(
    "/needs-outcome",
    "Needs outcome",
    "Confirmed meetings that have ended without an outcome, the oldest first",
    "Every outcome is recorded.",
    "A meeting stands here from its end until it is completed or marked as a no-show.",
    "outcomes",
    Order.OLDEST,
)


@bp.get(ALL.path)
@requires(Permission.VIEW)
def appointments() -> Response:
    """All days, by filters in the address; 422 with sentences where one of them cannot be understood."""
    return _answer(ALL)


@bp.get(REQUESTS.path)
@requires(Permission.VIEW)
def requests() -> Response:
    return _answer(REQUESTS)


@bp.get(NEEDS_OUTCOME.path)
@requires(Permission.VIEW)
def needs_outcome() -> Response:
    return _answer(NEEDS_OUTCOME)


@bp.get(f"{ALL.path}.csv")
@requires(Permission.EXPORT)
def as_file() -> Response:
    return _file(ALL)


@bp.get(f"{REQUESTS.path}.csv")
@requires(Permission.EXPORT)
def requests_as_file() -> Response:
    return _file(REQUESTS)


@bp.get(f"{NEEDS_OUTCOME.path}.csv")
@requires(Permission.EXPORT)
def needs_outcome_as_file() -> Response:
    return _file(NEEDS_OUTCOME)


def _file(kind: Kind) -> Response:
    """The filtered list as a file that is made while it is sent; the list explains filters gone wrong."""
    _form, filters = read(request.args)
    if filters is None:
        return go(f"{kind.path}?{request.query_string.decode('ascii', 'replace')}")
    user = me()
    name = _file_name(kind, export.firm_slug(db.session(), firm_id=user.firm_id), filters)
    order, criteria = kind.order or filters.order, _criteria(kind, filters)
    found = export.stream(guards.engine(), firm_id=user.firm_id, criteria=criteria, order=order)
    return csv_table.answer(found, appointments_file.COLUMNS, user.local, name)


def _file_name(kind: Kind, slug: str, filters: Filters) -> str:
    """``marlow-appointments-2026-01-01-to-2026-01-31.csv``; without dates the day on which it was made."""
    first = f"-from-{filters.first}" if filters.first else ""
    last = f"-to-{filters.last}" if filters.last else ""
    days = f"{first}{last}" or f"-{me().local.day_of(g.now)}"
    return f"{slug}{kind.path.replace('/', '-')}{days}.csv"


def _answer(kind: Kind) -> Response:
    """The page, or for htmx its results alone."""
    form, filters = read(request.args)
    context: dict[str, Any] = {"kind": kind, "form": form, "filters": filters}
    if filters is None:
        context["form_errors"] = [(field.id, field.errors[0]) for field in form if field.errors]
        return _rendered(kind, form, context, 422)
    context |= _results(kind, filters)
    response = _rendered(kind, form, context, 200)
    if is_htmx():
        response.headers["HX-Push-Url"] = filters.url(kind.path)
    return response


def _rendered(kind: Kind, form: FilterForm, context: dict[str, Any], status: int) -> Response:
    if is_htmx():
        return make_response(render_template("listing/_results.html", **context), status)
    form.offer(appointment_list.options(db.session(), firm_id=me().firm_id))
    html = render_template(
        "listing/list.html", nav_current=kind.nav, q=form.q.data or "", statuses=list(Status), **context
    )
    return make_response(html, status)


def _criteria(kind: Kind, filters: Filters) -> Criteria:
    criteria = filters.criteria(me().local, me().staff_user_id)
    if kind is REQUESTS:
        return replace(criteria, statuses=frozenset({Status.REQUESTED}))
    if kind is NEEDS_OUTCOME:
        return replace(criteria, statuses=frozenset({Status.CONFIRMED}), ended_by=g.now)
    return criteria


def _results(kind: Kind, filters: Filters) -> dict[str, Any]:
    """What ``listing/_results.html`` needs."""
    user = me()
    page = appointment_list.page(
        db.session(),
        firm_id=user.firm_id,
        criteria=_criteria(kind, filters),
        order=kind.order or filters.order,
        after=cursors.read(request.args, "after"),
        before=cursors.read(request.args, "before"),
    )
    shown = rows.present_all(page.rows, user, g.now, day_known=False)
    exact = rows.present(page.exact, user, g.now, day_known=False) if page.exact else None
    return {
        "groups": paging.by_day(shown, user.local),
        "exact": exact,
        "exact_day": user.local.full_day(user.local.day_of(exact.at)) if exact else "",
        "count": paging.told(page),
        "broad": page.count is None,
        "reached": user.local.full_day(user.local.day_of(page.reached)) if page.reached else "",
        "first_url": filters.url(kind.path),
        "previous_url": _page_url(kind, filters, "before", page.previous),
        "next_url": _page_url(kind, filters, "after", page.following),
        "csv_url": filters.url(f"{kind.path}.csv"),
        "beyond": _turned(),
        "page_token": new_token(),
        **(_known(page, filters) if kind is NEEDS_OUTCOME else {}),
    }


def _known(page: appointment_list.Page, filters: Filters) -> dict[str, Any]:
    """What is known about the meetings without an outcome, and who joined after a no-show was recorded."""
    user, session = me(), db.session()
    shown = [row.appointment_id for row in (*page.rows, *filter(None, [page.exact]))]
    known = sweeps.evidence(session, firm_id=user.firm_id, appointment_ids=shown, now=g.now)
    return {
        "evidence": {number: evidence.present(found, user.local) for number, found in known.items()},
        "late_joins": [] if filters.q or _turned() else _late(filters),
        "mine": filters.staff == ME and not filters.q,
    }


def _late(filters: Filters) -> list[late_joins.LateJoin]:
    """Those of the person whose list it is; a search and later pages are about the list alone."""
    user = me()
    return late_joins.listed(
        db.session(),
        firm_id=user.firm_id,
        now=g.now,
        correction_days=user.correction_days,
        staff_user_id=filters.criteria(user.local, user.staff_user_id).staff_user_id,
    )


def _turned() -> bool:
    """Whether this is a page after the first one."""
    return "after" in request.args or "before" in request.args


def _page_url(kind: Kind, filters: Filters, name: str, cursor: appointment_list.Cursor | None) -> str | None:
    return filters.url(kind.path, (name, cursors.write(cursor))) if cursor else None
