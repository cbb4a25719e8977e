"""``daybook user``: the people who sign in."""

import sys

import click
from flask.cli import AppGroup

from webapp import clock
from webapp.cli.base import find_firm, require_head, write
from webapp.extensions import db
from webapp.lifecycle import passwords, setup
from webapp.vocabulary import Role

user = AppGroup("user", help="Staff users: the people of a firm who sign in.")


@user.command(short_help="Add somebody who signs in.")
@click.option("--firm", "slug", required=True, help="The firm's slug.")
@click.option("--email", required=True, help="The address to sign in with.")
@click.option("--name", required=True, help="As pages and histories print it.")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--bookable/--not-bookable", default=True, show_default=True, help="Takes appointments.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of input.")
def create(slug: str, email: str, name: str, role: str, bookable: bool, password_stdin: bool) -> None:
    """Add somebody who signs in, and print their number."""
    require_head()
    firm = find_firm(slug)
    password = passwords.check(_password(password_stdin), about=(name, email, firm.name))
    hashed = passwords.make_hash(password)
    made = write(
        lambda: setup.make_user(
            db.session(),
            firm_id=firm.firm_id,
            email=email,
            name=name,
            role=Role(role),
            bookable=bookable,
            password_hash=hashed,
            now=clock.now(),
        )
    )
    click.echo(f"User {made.staff_user_id}: {made.name} <{made.email}>, {made.role.label} of {firm.name}.")


def _password(from_stdin: bool) -> str:
    """Typed twice at a terminal, or read from standard input. Never an argument: other users see those."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("Pass the password on standard input with --password-stdin.")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed
