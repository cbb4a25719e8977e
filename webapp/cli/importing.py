"""``daybook import``: bring a firm's appointments over from another system."""

import codecs
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import IO
from zoneinfo import ZoneInfo

import click
from flask import current_app
from flask.cli import AppGroup
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from webapp import clock
from webapp.cli.base import find_firm, require_head, write
from webapp.extensions import db
from webapp.lifecycle.importing.mapping import TARGETS, Columns
from webapp.lifecycle.importing.reading import ENCODING, Problem, Source
from webapp.lifecycle.importing.run import Commit, Import
from webapp.lifecycle.importing.writing import Tally
from webapp.localtime import zone_names

SHOWN = 20
PLAIN_EVERY = 20_000  # rows

importing = AppGroup("import", help="Bring data over from another system.")


@importing.command(
    short_help="Import appointments from a .csv or .csv.gz file.",
    epilog="Targets: " + "; ".join(f"{name} ({what})" for name, what in TARGETS.items()) + ".",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--firm", "slug", required=True, help="The firm's slug.")
@click.option("--map", "maps", multiple=True, metavar="TARGET=COLUMN", help="What a column means.")
@click.option("--default", "defaults", multiple=True, metavar="TARGET=VALUE", help="For rows without one.")
@click.option(
    "--status-map", "words", multiple=True, metavar="WORD=STATUS[:SIDE]", help="E.g. Yes=no_show:client."
)
@click.option("--timezone", help="The zone of times without an offset; the firm's unless given.")
@click.option(
    "--spread", is_flag=True, help="The file has no time of day: lay rows out over the working day."
)
@click.option("--by", default="the administrator", show_default=True, help="Whom histories name.")
@click.option("--encoding", default=ENCODING, show_default=True, help="The file's encoding.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after so many rows.")
@click.option("--dry-run", is_flag=True, help="Check every row and write nothing.")
@click.option("--errors", type=click.File("w", encoding="utf-8"), help="Write every problem to this file.")
def appointments(
    *,
    file: Path,
    slug: str,
    maps: tuple[str, ...],
    defaults: tuple[str, ...],
    words: tuple[str, ...],
    timezone: str | None,
    spread: bool,
    by: str,
    encoding: str,
    limit: int | None,
    dry_run: bool,
    errors: IO[str] | None,
) -> None:
    """Import appointments from FILE. Rows that cannot be imported are reported and left out whole.

    A row whose reference the firm has already is left alone, so an import can be repeated.
    """
    require_head()
    columns = Columns.parse(maps, defaults, words, spread=spread)
    firm = find_firm(slug)
    if timezone is not None and timezone not in zone_names():
        raise click.UsageError(f"There is no time zone {timezone!r}. Use a name such as Europe/London.")
    with closing(Source(file, encoding=known_encoding(encoding))) as source:
        run = Import.begin(
            db.session(),
            firm=firm,
            columns=columns,
            source=source,
            name=file.name,
            zone=ZoneInfo(timezone or firm.timezone),
            by=by,
            secret=current_app.config["SECRET_KEY"],
            now=clock.now(),
            limit=limit,
            dry=dry_run,
        )
        _carry_out(run, Report(errors), _pretend if dry_run else write)


def known_encoding(encoding: str) -> str:
    """The name of an encoding that Python has (UsageError otherwise)."""
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise click.UsageError(f"There is no encoding {encoding!r}.") from None
    return encoding


def _carry_out(run: Import, report: "Report", commit: Commit) -> None:
    """Go through the file, and say in the end what was done, also when the file breaks off."""
    began = perf_counter()
    try:
        with progress(run.source.size) as advance:
            for tally in run.batches(commit):
                report.add(tally)
                advance(run.source.position, run.rows)
    finally:
        report.close(run, perf_counter() - began)


def _pretend(work: Callable[[], Tally]) -> Tally:
    """Do everything that a batch does, then undo it."""
    session = db.session()
    session.commit()
    session.connection(execution_options={"write": True})
    try:
        return work()
    finally:
        session.rollback()


class Report:
    """Adds up the batches; prints the first problems at once and writes all of them where asked."""

    def __init__(self, errors: IO[str] | None) -> None:
        self.total = Tally()
        self.problems = 0
        self._errors = errors

    def add(self, tally: Tally) -> None:
        self.total.imported += tally.imported
        self.total.already += tally.already
        self.total.overbooked += tally.overbooked
        self.total.contacts += tally.contacts
        for problem in sorted(tally.problems, key=_line):
            self.problems += 1
            if self._errors is not None:
                click.echo(str(problem), file=self._errors)
            if self.problems <= SHOWN:
                click.echo(str(problem), err=True)

    def close(self, run: Import, seconds: float) -> None:
        """Print the sum, one fact a line."""
        total = self.total
        if self.problems > SHOWN:
            rest = "the file given by --errors has them" if self._errors else "--errors FILE writes them all"
            click.echo(f"and {self.problems - SHOWN:,} more problems; {rest}.", err=True)
        click.echo(
            f"{run.rows:,} rows read in {seconds:.1f} s ({run.rows / max(seconds, 0.001):,.0f} a second)."
        )
        verb = "would be imported" if run.dry else "imported"
        new = "" if run.dry else f", with {total.contacts:,} new contacts"
        click.echo(
            f"{total.imported:,} {verb}{new}; {total.already:,} were there already; "
            f"{self.problems:,} left out."
        )
        if run.columns.spread:
            click.echo(
                "The file has no time of day: the rows of a day are laid one after another over the working "
                f"hours, and {total.overbooked:,} that did not fit share a time and are marked overbooked."
            )
        if run.dry:
            click.echo("This was a dry run: nothing was written.")


def _line(problem: Problem) -> int:
    return problem.line


@contextmanager
def progress(size: int) -> Iterator[Callable[[int, int], None]]:
    """A bar of the bytes read at a terminal, elsewhere a line now and then; both on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Reading", total=max(size, 1))
        yield lambda position, rows: bar.update(task, completed=position, description=f"{rows:,} rows")


def _plain() -> Callable[[int, int], None]:
    printed = 0

    def advance(_position: int, rows: int) -> None:
        nonlocal printed
        if rows - printed >= PLAIN_EVERY:
            printed = rows
            click.echo(f"{rows:,} rows …", err=True)

    return advance
