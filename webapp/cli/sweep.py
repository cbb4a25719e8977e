"""``daybook sweep``: decide what is due, once, and say what happened."""

from datetime import datetime

import click
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp import clock
from webapp.cli.base import find_firm, require_head, settings
from webapp.extensions import db
from webapp.lifecycle import sweeps
from webapp.lifecycle.sweeps import KindReport, Report
from webapp.models import tenancy
from webapp.vocabulary import SweepKind

DID = {
    SweepKind.COMPLETE: "completed",
    SweepKind.NO_SHOW: "recorded as no-shows",
    SweepKind.EXPIRE: "requests expired",
    SweepKind.TIME_OUT: "confirmations timed out",
}
WHY = {"volume": "more than five usual days", "clock": "the clock jumped, or nobody swept for a day"}


@click.command(short_help="Decide what is due now, once.")
@click.option("--firm", "slug", metavar="SLUG", help="This firm alone; all firms without it.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--at", "instant", metavar="INSTANT", help="As if it were then, such as 2026-01-13T10:00Z.")
@with_appcontext
def sweep(slug: str | None, dry_run: bool, instant: str | None) -> None:
    """Complete meetings, record no-shows, expire requests and time out confirmations, as the worker does.

    With --at the clock is not compared with the last sweep's; how much is due is still checked. Exits with 1
    if a firm could not be finished.
    """
    require_head()
    now = clock.now() if instant is None else _parsed(instant)
    if now > clock.now() and settings().production and not dry_run:
        raise click.ClickException("That time has not come. Use --dry-run to look ahead.")
    if slug is None:
        reports = sweeps.sweep_all(_session, now=now, dry_run=dry_run, check_clock=instant is None)
    else:
        firm_id = find_firm(slug).firm_id
        db.session.remove()
        with _session() as session:
            report = sweeps.sweep(
                session, firm_id=firm_id, now=now, dry_run=dry_run, check_clock=instant is None
            )
            if instant is None and not dry_run:
                sweeps.write_down(session, [report], now=now)
            reports = [report]
    for report in reports:
        for line in told(report):
            click.echo(line)
    if any(report.failed for report in reports):
        raise SystemExit(1)


def _session() -> Session:
    return Session(
        db.engine, execution_options={"write": True}, expire_on_commit=False, info=tenancy.EVERY_FIRM
    )


def _parsed(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.ClickException(f"{text!r} is not an instant such as 2026-01-13T10:00Z.") from None
    if found.tzinfo is None:
        raise click.ClickException("Say in which zone: end it with Z for UTC, or with an offset like +01:00.")
    return found


def told(report: Report) -> list[str]:
    """One line for each kind that has something to tell, or one that says that nothing is due."""
    if report.failed:
        return [f"{report.slug}: not finished: {report.failed}"]
    lines = [line for kind in report.kinds if (line := _line(kind, report.dry_run))]
    return [f"{report.slug}: {line}" for line in lines] or [f"{report.slug}: nothing is due"]


def _line(kind: KindReport, dry_run: bool) -> str:
    if kind.held is not None:
        held = kind.held
        verb = "would be held back" if dry_run and held.new else "held back"
        return f"{held.row_count:,} not {DID[kind.kind]}, {verb} for a manager ({WHY[held.why]})"
    if not kind.moved and not kind.problems:
        return ""
    aside = f", {kind.problems} stepped aside" if kind.problems else ""
    would = "would be: " if dry_run else ""
    return f"{would}{kind.moved:,} {DID[kind.kind]}{aside}"
