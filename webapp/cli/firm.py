"""``daybook firm``: the tenants."""

import click
from flask.cli import AppGroup

from webapp import clock
from webapp.cli.base import require_head, write
from webapp.extensions import db
from webapp.lifecycle import erasure, setup

firm = AppGroup("firm", help="Firms: the tenants, each apart from every other.")


@firm.command(short_help="Add a firm.")
@click.option("--name", required=True, help="What pages and mails call it.")
@click.option("--slug", required=True, help="Its short name in commands: a-z, 0-9 and hyphens.")
@click.option("--timezone", required=True, help="An IANA name such as Europe/London.")
def create(name: str, slug: str, timezone: str) -> None:
    """Add a firm and print its number."""
    require_head()
    made = write(
        lambda: setup.make_firm(db.session(), name=name, slug=slug, timezone=timezone, now=clock.now())
    )
    click.echo(f"Firm {made.firm_id}: {made.name} ({made.slug}), times in {made.timezone}.")


@firm.command(short_help="Rewrite the database's files, so that nothing erased is left in them.")
def scrub() -> None:
    """Rewrite the database's files, so that nothing erased is left in their free space.

    Run it after a person was erased. Writers wait meanwhile: on SQLite for the whole, on PostgreSQL (VACUUM
    FULL, which takes the owner of the tables) for one table at a time.
    """
    require_head()
    erasure.scrub(db.engine)
    click.echo("The database's files are written anew. Backups made before still hold what they held.")
