"""``daybook report``: the prints of the reports page as files, for a scheduled print or an archive."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from flask import Response, current_app, g
from flask.cli import AppGroup

from webapp import clock, printing
from webapp.cli.base import find_firm, require_head
from webapp.extensions import db
from webapp.localtime import Local
from webapp.models import AppointmentType, Firm, StaffUser
from webapp.queries.identity import Me
from webapp.vocabulary import Density, Role, Theme

KINDS = {".pdf": "whole_pdf", ".html": "html", ".htm": "html", ".csv": "csv"}
FILTERS = ("date", "from", "to", "staff", "type", "as_of", "pages")

report = AppGroup("report", help="Write a report into a file: .pdf, .html or .csv by its name.")


def _common(command: Any) -> Any:
    """What every report takes."""
    out = click.Path(dir_okay=False, writable=True, path_type=Path)
    for option in (
        click.option("--by", default="the administrator", show_default=True, help="Whom the print names."),
        click.option("--out", required=True, type=out, help="A .pdf, .html or .csv file."),
        click.option("--firm", "slug", required=True, help="The firm's slug."),
    ):
        command = option(command)
    return command


def _filtered(command: Any) -> Any:
    """Filters, by the names that the reports' addresses carry."""
    for option in (
        click.option("--as-of", "as_of", help="As it stood then, such as “2026-01-13 10:00”."),
        click.option("--type", "type", help="The name or number of a type."),
        click.option("--staff", "staff", help="The address or number of somebody."),
    ):
        command = option(command)
    return command


def _daily(command: Any) -> Any:
    return click.option("--date", "date", help="A day such as 2026-01-13; today unless given.")(command)


def _period(command: Any) -> Any:
    for option in (
        click.option("--to", "to", help="The last day."),
        click.option("--from", "from", help="The first day; the whole of last month unless given."),
    ):
        command = option(command)
    return click.option("--month", "date", help="A month such as 2026-01.")(command)


@report.command("day-sheet", short_help="The appointments of a day, with room for notes.")
@_common
@_filtered
@_daily
@click.option("--pages", type=click.Choice(["each", "one"]), default="each", help="A page each, or one list.")
def day_sheet(**given: Any) -> None:
    """Write the day sheet."""
    given["pages"] = "one" if given["pages"] == "one" else ""
    _write("day-sheet", **given)


@report.command("week", short_help="The appointments of a week.")
@_common
@_filtered
@_daily
def week(**given: Any) -> None:
    """Write the schedule of the week that a day is in."""
    _write("week", **given)


@report.command("month", short_help="Figures, charts and lists of a month or any period.")
@_common
@_filtered
@_period
def month(**given: Any) -> None:
    """Write the report of a period."""
    _write("month", **given)


@report.command("no-shows", short_help="Who did not show, and which meetings they were.")
@_common
@_filtered
@_period
def no_shows(**given: Any) -> None:
    """Write the report of no-shows of a period."""
    _write("no-shows", **given)


@report.command("dossier", short_help="One appointment with the whole history of its chain.")
@click.argument("reference", type=click.IntRange(1, 2**63 - 1))
@_common
def dossier(reference: int, **given: Any) -> None:
    """Write the dossier of the appointment REFERENCE."""
    _write("dossier", reference=reference, **given)


def _write(name: str, *, slug: str, out: Path, by: str, reference: int = 0, **asked: str | None) -> None:
    """Ask the page of the report for its file, as somebody of the firm who may see it."""
    kind = KINDS.get(out.suffix.lower())
    if kind is None:
        raise click.UsageError("The file's name must end in .pdf, .html or .csv.")
    require_head()
    firm = find_firm(slug)
    path = f"/appointments/{reference}/dossier" if reference else f"/reports/{name}"
    query = {key: asked[key] or "" for key in FILTERS if asked.get(key)}
    query |= _numbered(firm, query)
    with current_app.test_request_context(path, query_string=query):  # none that anybody sent
        g.now = clock.now()
        g.me = _reader(firm, by)
        answer = _answer(kind, {"appointment_id": reference} if reference else {"report": name})
        _save(answer, out)
    click.echo(f"Wrote {out} ({out.stat().st_size:,} bytes).")


def _numbered(firm: Firm, query: dict[str, str]) -> dict[str, str]:
    """Somebody's address and a type's name as the numbers that a report's address carries."""
    found = {}
    for name, model, key, column, refusal in (
        ("staff", StaffUser, StaffUser.staff_user_id, StaffUser.email, "nobody with the address"),
        ("type", AppointmentType, AppointmentType.appointment_type_id, AppointmentType.name, "no type"),
    ):
        typed = query.get(name, "")
        if not typed or typed.isdecimal():
            continue
        wanted = typed.lower() if name == "staff" else typed
        number = db.session.scalar(sa.select(key).where(model.firm_id == firm.firm_id, column == wanted))
        if number is None:
            raise click.ClickException(f"{firm.name} has {refusal} {typed!r}.")
        found[name] = str(number)
    return found


def _answer(kind: str, arguments: dict[str, Any]) -> Response:
    """What the site answers; what it refuses is told like any refusal."""
    endpoint = f"prints.{'dossier_' if 'appointment_id' in arguments else ''}as_{kind}"
    try:
        view: Callable[..., Response] = current_app.view_functions[endpoint]  # type: ignore[assignment]
        return view(**arguments)
    except printing.Unable as error:
        raise click.ClickException(str(error)) from error


def _save(answer: Response, out: Path) -> None:
    """Beside the file first, so that there is never half of one, whatever ends it."""
    part = out.with_name(f".{os.getpid()}-{out.name}")
    try:
        with part.open("wb") as file:
            for piece in answer.iter_encoded():
                file.write(piece)
        part.replace(out)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}.") from error
    finally:
        answer.close()
        part.unlink(missing_ok=True)


def _reader(firm: Firm, name: str) -> Me:
    """Who prints: nobody of the firm's staff, so ``--staff me`` finds nobody."""
    return Me(
        firm_id=firm.firm_id,
        staff_user_id=0,
        name=name,
        email="",
        role=Role.MANAGER,
        bookable=False,
        theme=Theme.LIGHT,
        density=Density.COMFORTABLE,
        shortcuts=False,
        firm_name=firm.name,
        correction_days=firm.correction_days,
        firm_is_demo=firm.is_demo,
        local=Local.named(firm.timezone, twelve_hour=firm.twelve_hour, month_first=firm.month_first),
        session_hash="",
        last_seen_at=g.now,
    )
