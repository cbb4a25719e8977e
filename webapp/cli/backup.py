"""``daybook backup``, ``daybook restore`` and ``daybook release-held``: the whole database as one file."""

from contextlib import closing
from datetime import datetime
from pathlib import Path

import click
import flask_migrate
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp import clock
from webapp.cli import archives, postgres_tools
from webapp.cli.base import require_head, write
from webapp.delivery import held
from webapp.extensions import db
from webapp.models import tenancy
from webapp.models.engine import SQLITE, make_engine
from webapp.queries import invariants

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(short_help="Write the whole database into one file.")
@click.option("--out", type=FILE, required=True, help="The file to make; it must not be there yet.")
@with_appcontext
def backup(out: Path) -> None:
    """Write the whole database as of one instant into one file, while everybody goes on working.

    The file is read back, and every invariant checked on what it holds, before it appears. It holds what the
    database holds: keep it as safe.
    """
    require_head()
    if out.exists():
        raise click.ClickException(f"{out} is there already; a backup overwrites nothing.")
    if not out.absolute().parent.is_dir():
        raise click.ClickException(f"There is no folder {out.absolute().parent}.")
    db.session.remove()
    now = clock.now()
    with archives.aside(out) as folder:
        data = folder / "data"
        make = _from_sqlite if db.engine.dialect.name == "sqlite" else _from_postgres
        rows, head = make(data)
        archives.write(out, archives.manifest(db.engine.dialect.name, head, now, rows, data), data, folder)
    size = out.stat().st_size
    click.echo(f"Wrote {out}: {sum(rows.values()):,} rows, {size:,} bytes, read back and in order.")


def _from_sqlite(data: Path) -> tuple[dict[str, int], str]:
    with closing(db.engine.raw_connection()) as raw:
        raw.cursor().execute("VACUUM INTO ?", (str(data),))
    return _checked_sqlite(data)


def _checked_sqlite(data: Path) -> tuple[dict[str, int], str]:
    copy = make_engine(f"sqlite:///{data}")
    try:
        with Session(copy, info=tenancy.EVERY_FIRM) as session:
            if (told := session.scalar(sa.text("PRAGMA integrity_check"))) != "ok":
                raise click.ClickException(f"The copy is damaged: {told}")
            _check(session)
            return archives.count(session.connection()), _head(session.connection())
    finally:
        copy.dispose()


def _from_postgres(data: Path) -> tuple[dict[str, int], str]:
    postgres_tools.need(db.engine)
    level = db.engine.execution_options(isolation_level="REPEATABLE READ")
    with Session(level, info=tenancy.EVERY_FIRM) as session:
        snapshot = str(session.scalar(sa.text("SELECT pg_export_snapshot()")))
        postgres_tools.dump(db.engine, snapshot, data)
        _check(session)
        rows, head = archives.count(session.connection()), _head(session.connection())
    written = postgres_tools.rows(data)
    if short := {name for name, number in rows.items() if written.get(name, 0) != number}:
        raise click.ClickException(f"The dump lacks rows of {', '.join(sorted(short))}; nothing is kept.")
    return rows, head


def _check(session: Session) -> None:
    if broken := [violation.sentence for violation in invariants.check(session, limit=1)]:
        raise click.ClickException("An invariant is broken, see `daybook verify`: " + " ".join(broken))


def _head(connection: sa.Connection) -> str:
    return ",".join(sorted(MigrationContext.configure(connection).get_current_heads()))


@click.command(short_help="Put a backup in the place of the database.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Do so although the database has firms: what it has is lost.")
@with_appcontext
def restore(file: Path, replace: bool) -> None:
    """Put a backup in the place of the database, in one transaction: all of it or nothing.

    What was still to be sent then is held back, since it may have been sent meanwhile; `daybook release-held`
    lets it go. An older schema is brought to the newest.
    """
    db.session.remove()
    engine = db.engine.dialect.name
    if not replace and _is_used():
        raise click.ClickException("The database has firms. To lose them for this backup, add --replace.")
    with archives.aside(file) as folder:
        data = folder / "data"
        described = archives.read(file, data)
        _refuse_other(described, engine)
        now = clock.now()
        if engine == "sqlite":
            _into_sqlite(data, now)
        else:
            postgres_tools.need(db.engine)
            db.engine.dispose()
            postgres_tools.replace(db.engine, data, list(held.hold(now).values()))
    with db.engine.connect().execution_options(firm=tenancy.EVERY) as connection:
        if archives.count(connection) != described.rows:
            raise click.ClickException("The database has other rows than the backup: restore it again.")
        waiting = _held(connection)
    if described.head != ",".join(sorted(_script().get_heads())):
        flask_migrate.upgrade()
    _check(db.session())
    click.echo(f"Restored {sum(described.rows.values()):,} rows as of {described.made_at}; all are in order.")
    if any(waiting.values()):
        click.echo(_held_words(waiting))


def _held_words(waiting: dict[str, int]) -> str:
    counts = f"{waiting['mail']} mails, {waiting['webhooks']} webhooks and {waiting['events']} events"
    return (
        f"{counts} waited to go out and are held back, since they may have been sent after the backup. "
        "Once you are sure that they were not: `daybook release-held`."
    )


def _is_used() -> bool:
    with db.engine.connect().execution_options(firm=tenancy.EVERY) as connection:
        if "firm" not in sa.inspect(connection).get_table_names():
            return False
        return connection.execute(sa.text("SELECT 1 FROM firm LIMIT 1")).first() is not None


def _script() -> ScriptDirectory:
    return ScriptDirectory(current_app.extensions["migrate"].directory)


def _refuse_other(described: archives.Manifest, engine: str) -> None:
    if described.engine != engine:
        raise click.ClickException(
            f"The backup is of {described.engine} and the database is {engine}: restore it to its own kind."
        )
    try:
        _script().get_revisions(tuple(described.head.split(",")))
    except CommandError as error:
        raise click.ClickException(
            f"The backup has a newer schema ({described.head}) than this Daybook. Restore it with that one."
        ) from error


def _into_sqlite(data: Path, now: datetime) -> None:
    """Hold in the copy, then write all pages of it over the file's, as one transaction of its own locks."""
    copy = make_engine(f"sqlite:///{data}")
    with copy.begin() as connection:
        for statement in held.hold(now).values():
            connection.execute(statement)
    copy.dispose()
    with closing(SQLITE.connect(str(data))) as source, closing(db.engine.raw_connection()) as target:
        source.backup(target.driver_connection)
    db.engine.dispose()


def _held(connection: sa.Connection) -> dict[str, int]:
    tables = {"mail": "mail_message", "webhooks": "webhook_delivery", "events": "outbox_event"}
    return {
        name: connection.execute(
            sa.text(f"SELECT count(*) FROM {table} WHERE last_error = :why"),  # noqa: S608  our own names
            {"why": held.WHY},
        ).scalar_one()
        for name, table in tables.items()
    }


@click.command("release-held", short_help="Send what a restore held back.")
@with_appcontext
def release() -> None:
    """Let the mail, webhooks and events go out that a restore has held back."""
    require_head()
    found = write(lambda: held.release(db.session(), clock.now()))
    click.echo(f"Released {found['mail']} mails, {found['webhooks']} webhooks and {found['events']} events.")
