"""The report of a period, the appointments behind each of its numbers, and both as files."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle.errors import Invalid
from webapp.queries import export
from webapp.queries.analytics import events, listing, names, tallies
from webapp.queries.analytics.cohort import Scope
from webapp.ui import csv_table, cursors, guards, periods
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.reports import accounts, breakdowns, files, forms, listed, page, parts
from webapp.ui.reports.forms import Filters, ReportForm
from webapp.ui.reports.page import REPORT, Asked
from webapp.ui.reports.parts import LIST, Links, Part
from webapp.vocabulary import Permission

bp = Blueprint("reports", __name__)


@bp.get(REPORT)
@requires(Permission.VIEW)
def report() -> Response:
    """The figures of a period; 422 with sentences where the address cannot be understood."""
    typed = request.args.get("account", "").strip()
    if typed and forms.number(typed) is None:
        return _of_account(typed)
    form, asked = _ask()
    if asked is None:
        return _refused(form)
    filters, local = asked.filters, me().local
    html = render_template(
        "reports/report.html",
        form=form,
        nav_current="reports",
        presets=page.presets(filters, local, g.now, _kept()),
        kept=_kept(),
        csv_url=filters.url("/reports.csv"),
        month_url=filters.url("/reports/month"),
        no_shows_url=filters.url("/reports/no-shows"),
        sheet_url="/reports/day-sheet",
        now_url=filters.now().url(REPORT),
        **page.heading(filters, asked.names, local),
        **page.shown(db.session(), asked, local, breakdowns.sort_of(request.args.get("sort"))),
    )
    return make_response(html)


@bp.get("/reports.csv")
@requires(Permission.EXPORT)
def as_file() -> Response:
    """All tables of the report in one file; the page explains filters gone wrong."""
    _form, asked = _ask()
    if asked is None:
        return _explained()
    session, scope = db.session(), asked.scope
    recorded, requests = events.recorded(session, scope), events.requests(session, scope)
    lines = list(files.lines(asked.found, asked.names, recorded, requests))
    name, local = _file_name("report", asked.filters), me().local
    told = page.heading(asked.filters, asked.names, local)
    columns: list[files.Column] = [
        *files.columns(asked.filters),
        ("As of", lambda _line: asked.scope.now),
        ("Only", lambda _line: told["narrowed"]),
    ]
    return csv_table.answer(lines, columns, local, name)


@bp.get("/reports.pdf")
@requires(Permission.VIEW)
def as_pdf() -> Response:
    """On paper the report is the monthly one, over the same period, filters and instant."""
    _form, filters = _read()
    return _explained() if filters is None else go(filters.url("/reports/month.pdf"))


@bp.get(LIST)
@requires(Permission.VIEW)
def appointments() -> Response:
    """The appointments that one number counts, by start; the report explains filters gone wrong."""
    found = _counted()
    if found is None:
        return _explained()
    filters, part, scope = found
    local, firm_id = me().local, me().firm_id
    known = names.load(db.session(), firm_id=firm_id, accounts=_accounts(filters, part))
    counted = listing.page(db.session(), scope, part.slice, after=cursors.read(request.args, "after"))
    links = Links(filters)
    more = [("after", cursors.write(counted.following))] if counted.following else []
    html = render_template(
        "reports/appointments.html",
        nav_current="reports",
        title=parts.WORDS[part.figure],
        told=part.told(filters, known, local.full_day),
        rows=[listed.present(row, local) for row in counted.rows],
        count=counted.count,
        back_url=filters.url(REPORT),
        first_url=links.to(part) if "after" in request.args else "",
        next_url=links.to(part, *more) if more else "",
        csv_url=filters.url(f"{LIST}.csv", *part.pairs()),
        **page.heading(filters, known, local),
    )
    return make_response(html)


@bp.get(f"{LIST}.csv")
@requires(Permission.EXPORT)
def appointments_as_file() -> Response:
    """The same as a file that is made while it is sent."""
    found = _counted()
    if found is None:
        return _explained()
    filters, part, scope = found
    first, last = part.days(filters)
    name = _file_name(part.figure.value, filters.spanning(first, last))
    rows = listing.stream(guards.engine(), scope, part.slice)
    return csv_table.answer(rows, files.LISTED, me().local, name)


def _read() -> tuple[ReportForm, Filters | None]:
    user = me()
    return forms.read(request.args, local=user.local, now=g.now, me=user.staff_user_id)


def _ask() -> tuple[ReportForm, Asked | None]:
    """Two statements; None where a field means nothing or names what the firm does not have."""
    form, filters = _read()
    if filters is None:
        return form, None
    firm_id, local, session = me().firm_id, me().local, db.session()
    scope = filters.scope(firm_id, local, g.now)
    before = filters.spanning(*filters.previous()).scope(firm_id, local, g.now)
    found = tallies.load(session, scope, before)
    known = names.load(session, firm_id=firm_id, accounts={*found.by_account, *_accounts(filters, Part())})
    form.offer(known)
    if forms.unknown(form, filters, known):
        return form, None
    return form, Asked(filters, scope, found, known)


def _of_account(typed: str) -> Response:
    """To the report of the account that is named so; 422 where there is none, or several."""
    try:
        key = accounts.named(db.session(), firm_id=me().firm_id, typed=typed)
    except ValueError as error:
        form, _filters = _read()
        form.account.errors = [str(error)]
        return _refused(form)
    pairs = [(name, value) for name, value in request.args.items() if name != "account"]
    return go(f"{REPORT}?{urlencode([*pairs, ('account', key)])}")


def _kept() -> list[tuple[str, str]]:
    """What the address has beside the filters: the order of the tables, where it is not the usual one."""
    sort = breakdowns.sort_of(request.args.get("sort"))
    return [] if sort == breakdowns.USUAL else [("sort", sort)]


def _refused(form: ReportForm) -> Response:
    """The form as typed, with what is wrong with it."""
    if not form.staff.choices:
        key = forms.number(form.account.data)
        form.offer(names.load(db.session(), firm_id=me().firm_id, accounts=[] if key is None else [key]))
    context: dict[str, Any] = {
        "form": form,
        "form_errors": form.errors_list(),
        "presets": page.presets(None, me().local, g.now, _kept()),
        "kept": _kept(),
        "nav_current": "reports",
    }
    return make_response(render_template("reports/refused.html", **context), 422)


def _counted() -> tuple[Filters, Part, Scope] | None:
    """Whose rows a number counts; None where the report has to explain its filters. Nonsense is not found.

    Raises:
        Invalid: the days of the number are longer than a report may be.
    """
    part = parts.read(request.args)
    if part is None:
        abort(404)
    _form, filters = _read()
    if filters is None:
        return None
    first, last = part.days(filters)
    if (last - first).days >= periods.MOST_DAYS:
        raise Invalid(periods.TOO_LONG)
    return filters, part, part.narrow(filters.scope(me().firm_id, me().local, g.now))


def _accounts(filters: Filters, part: Part) -> set[int]:
    """The accounts that have to be named."""
    found = {filters.account, part.row[1] if part.row and part.row[0] == "account" else None}
    return {key for key in found if key is not None}


def _explained() -> Response:
    """To the report, which says what is wrong with the filters."""
    return go(f"{REPORT}?{request.query_string.decode('ascii', 'replace')}")


def _file_name(what: str, filters: Filters) -> str:
    """``marlow-report-from-2025-10-20-to-2026-01-11.csv``."""
    slug = export.firm_slug(db.session(), firm_id=me().firm_id)
    return f"{slug}-{page.file_stem(what, filters, me().local)}.csv"
