"""What every command shares: the application, one way to write, and failures as sentences."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click
import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from webapp.config import ConfigError, Settings
from webapp.extensions import db
from webapp.lifecycle import transaction
from webapp.lifecycle.errors import DomainError
from webapp.models import Firm

Result = TypeVar("Result")

UPGRADE_FIRST = "The database is not at the newest schema: run `daybook db upgrade` first."


class BadSettings(click.ClickException):
    """The environment cannot be used; every problem is printed."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)


class Commands(AppGroup):
    """A group that turns refusals and an absent database into one sentence and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise click.ClickException(error.sentence) from error
        except (OperationalError, InterfaceError, ProgrammingError) as error:
            raise click.ClickException(_explained(error)) from error


def _explained(error: DBAPIError) -> str:
    told = str(error.orig).strip().splitlines()[0]
    if "no such table" in told or "does not exist" in told:
        return f"{UPGRADE_FIRST} ({told})"
    return f"The database does not answer: {told}"


def load_app() -> Flask:
    """The application for the environment. It is named, not imported, because it stands above this layer."""
    try:
        settings = Settings.from_env()
    except ConfigError as error:
        raise BadSettings(str(error)) from error
    app: Flask = import_module("webapp.app").create_app(settings)
    if command := click.get_current_context(silent=True):
        command.call_on_close(lambda: _close(app))
    return app


def _close(app: Flask) -> None:
    """Close the connections when the command has ended."""
    with app.app_context():
        db.engine.dispose()


def settings() -> Settings:
    """The settings that the running command was started with."""
    found: Settings = current_app.config["SETTINGS"]
    return found


def write(work: Callable[[], Result]) -> Result:
    """Run one unit of work and commit it; ``work`` loads what it changes."""
    return transaction.run(db.session(), work)


def is_at_head() -> bool:
    """Whether the database has the newest migration. An empty one has not."""
    script = ScriptDirectory(current_app.extensions["migrate"].directory)
    with db.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_heads()
    return set(present) == set(script.get_heads())


def require_head() -> None:
    """Stop with one sentence unless the schema is the newest."""
    if not is_at_head():
        raise click.ClickException(UPGRADE_FIRST)


def find_firm(slug: str) -> Firm:
    """The firm with this slug, or a sentence that names those there are."""
    session = db.session()
    found = session.scalar(sa.select(Firm).where(Firm.slug == slug))
    if found is None:
        known = ", ".join(session.scalars(sa.select(Firm.slug).order_by(Firm.slug).limit(10)))
        there_are = f"There are: {known}." if known else "There is none yet: run `daybook firm create`."
        raise click.ClickException(f"There is no firm {slug!r}. {there_are}")
    return found
