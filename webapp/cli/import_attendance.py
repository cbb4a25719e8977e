"""``daybook import attendance``: facts of who joined, from a file."""

from contextlib import closing
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import click
from flask.cli import with_appcontext

from webapp import clock
from webapp.cli.base import find_firm, require_head, write
from webapp.cli.importing import SHOWN, known_encoding, progress
from webapp.extensions import db
from webapp.lifecycle.importing.joins import TARGETS, JoinImport, JoinTally
from webapp.lifecycle.importing.reading import ENCODING, Source
from webapp.localtime import zone_names


@click.command(
    short_help="Import who joined which meeting, from a .csv or .csv.gz file.",
    epilog="Targets: " + "; ".join(f"{name} ({what})" for name, what in TARGETS.items()) + ".",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--firm", "slug", required=True, help="The firm's slug.")
@click.option("--map", "maps", multiple=True, metavar="TARGET=COLUMN", help="What a column means.")
@click.option("--default", "defaults", multiple=True, metavar="side=VALUE", help="For rows without a side.")
@click.option("--timezone", help="The zone of times without an offset; the firm's unless given.")
@click.option("--by", default="the administrator", show_default=True, help="Whom timelines name.")
@click.option("--encoding", default=ENCODING, show_default=True, help="The file's encoding.")
@click.option("--errors", type=click.File("w", encoding="utf-8"), help="Write every problem to this file.")
@with_appcontext
def attendance(
    *,
    file: Path,
    slug: str,
    maps: tuple[str, ...],
    defaults: tuple[str, ...],
    timezone: str | None,
    by: str,
    encoding: str,
    errors: IO[str] | None,
) -> None:
    """Import facts of attendance from FILE. Rows that cannot be imported are reported and left out.

    The same row twice is one fact, so an import can be repeated. No status changes here: what follows from
    the facts is decided by the next sweep.
    """
    require_head()
    firm = find_firm(slug)
    if timezone is not None and timezone not in zone_names():
        raise click.UsageError(f"There is no time zone {timezone!r}. Use a name such as Europe/London.")
    with closing(Source(file, encoding=known_encoding(encoding))) as source:
        run = JoinImport.begin(
            db.session(),
            firm=firm,
            source=source,
            name=file.name,
            maps=maps,
            defaults=defaults,
            zone=ZoneInfo(timezone or firm.timezone),
            by=by,
            now=clock.now(),
        )
        _carry_out(run, errors)


def _carry_out(run: JoinImport, errors: IO[str] | None) -> None:
    """Go through the file, and say in the end what was done, also when the file breaks off."""
    total = JoinTally()
    try:
        with progress(run.source.size) as advance:
            for tally in run.batches(write):
                _add(total, tally, errors)
                advance(run.source.position, run.rows)
    finally:
        left_out = len(total.problems)
        if left_out > SHOWN:
            rest = "the file given by --errors has them" if errors else "--errors FILE writes them all"
            click.echo(f"and {left_out - SHOWN:,} more problems; {rest}.", err=True)
        click.echo(
            f"{run.rows:,} rows read: {total.imported:,} imported; {total.already:,} were there already; "
            f"{left_out:,} left out."
        )


def _add(total: JoinTally, tally: JoinTally, errors: IO[str] | None) -> None:
    total.imported += tally.imported
    total.already += tally.already
    for problem in sorted(tally.problems, key=lambda problem: problem.line):
        total.problems.append(problem)
        if errors is not None:
            click.echo(str(problem), file=errors)
        if len(total.problems) <= SHOWN:
            click.echo(str(problem), err=True)
