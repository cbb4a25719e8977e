"""``daybook verify``: ask a live database whether everything that must be true is."""

import json
from time import perf_counter

import click
from flask.cli import with_appcontext

from webapp.cli.base import require_head
from webapp.extensions import db
from webapp.queries import health, invariants

SHOWN = 20


@click.command(short_help="Check every invariant on the database.")
@click.option("--limit", default=100, show_default=True, help="Rows to look up for each broken sentence.")
@with_appcontext
def verify(limit: int) -> None:
    """Check every invariant on the database. Exits with 1 if one is broken, with the rows that break it."""
    require_head()
    if warning := health.open_lock(db.session()):
        click.echo(warning, err=True)
    began = perf_counter()
    broken = rows = 0
    for violation in invariants.check(db.session(), limit=limit):
        broken += 1
        rows += len(violation.rows)
        click.echo(f"Invariant {violation.number} is broken: {violation.sentence}")
        for row in violation.rows[:SHOWN]:
            click.echo("  " + json.dumps(row, default=str, ensure_ascii=False))
        if len(violation.rows) > SHOWN:
            click.echo(f"  and {len(violation.rows) - SHOWN} more rows")
    took = f"{perf_counter() - began:.1f} s"
    if broken:
        click.echo(f"{broken} broken, {rows} rows shown or counted, in {took}.")
        raise SystemExit(1)
    click.echo(f"Every invariant holds. Checked in {took}.")
