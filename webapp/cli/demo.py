"""``daybook demo``: two firms to try Daybook with."""

from time import perf_counter

import click
import flask_migrate
from flask.cli import with_appcontext
from sqlalchemy.orm import Session

from webapp import clock
from webapp import demo as demos
from webapp.cli.base import require_head, settings, write
from webapp.demo import post
from webapp.extensions import db
from webapp.models import tenancy


@click.command(short_help="Load two demo firms.")
@click.option(
    "--reset", is_flag=True, help="Drop everything and load again; only if all firms are demo firms."
)
@click.option("--if-empty", is_flag=True, help="Leave a database with a firm of its own as it is.")
@with_appcontext
def demo(reset: bool, if_empty: bool) -> None:
    """Load two demo firms around today's date, once, and print how to sign in."""
    if settings().production:
        raise click.ClickException("Demo data is not for production: its passwords are known to everyone.")
    require_head()
    present, real = demos.firms(db.session())
    if real and if_empty and not reset:
        click.echo(f"No demo is loaded: the database has a firm of its own, {real[0].name}.")
        return
    if real:
        raise click.ClickException(f"The database has a firm of its own, {real[0].name}: no demo beside it.")
    if present and not reset:
        click.echo("The demo is there already; `daybook demo --reset` loads it again around today.")
    else:
        if present:
            _start_over()
        began = perf_counter()
        now = clock.now()
        write(lambda: demos.load(db.session(), now=now))
        db.session.remove()
        post.send(_session, settings=settings(), now=now)
        click.echo(f"Loaded the demo in {perf_counter() - began:.1f} s.")
    if not if_empty:  # `daybook serve`, which follows, prints them with the address
        for line in demos.sign_ins(db.session()):
            click.echo(line)


def _session() -> Session:
    return Session(
        db.engine, execution_options={"write": True}, expire_on_commit=False, info=tenancy.EVERY_FIRM
    )


def _start_over() -> None:
    """Drop every table and make them again: history cannot be deleted row by row."""
    db.session.remove()  # its open transaction would hold the tables
    flask_migrate.downgrade(revision="base")
    flask_migrate.upgrade()
