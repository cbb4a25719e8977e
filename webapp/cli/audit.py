"""``daybook audit``: check the history against its digests and seals, or hand it out to be checked."""

import json
from pathlib import Path
from time import perf_counter

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.cli import AppGroup, with_appcontext
from sqlalchemy.orm import Session

from webapp import clock, proof
from webapp.cli.base import find_firm, require_head, settings, write
from webapp.delivery import seals
from webapp.extensions import db
from webapp.lifecycle import sealing
from webapp.lifecycle.seal_keys import public_key, signing_key, trusted
from webapp.models import tenancy
from webapp.queries import proofs

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

audit = AppGroup(
    "audit", short_help="Check the history against its seals; export it to be checked elsewhere."
)


@audit.command(short_help="Check every entry and every seal.")
@click.option("--firm", "slug", help="Only this firm (its slug).")
@click.option("--seals", "files", type=FILE, multiple=True, help="Seals kept outside, to compare with.")
@with_appcontext
def verify(slug: str | None, files: tuple[Path, ...]) -> None:
    """Check every entry and every seal. Exits with 1 if something is not as it was recorded."""
    require_head()
    began = perf_counter()
    keys = trusted(_key(), settings().seal_trusted)
    kept = proof.kept_in(files)
    wrong = 0
    with reading() as session:
        for firm_id, name in _firms(session, slug):
            for result in proofs.verify(session, firm_id=firm_id, keys=keys, kept=kept.get(firm_id)):
                if isinstance(result, proof.Finding):
                    wrong += 1
                    click.echo(f"{name}, {result.place}: {result.sentence}")
                else:
                    click.echo(f"{name}: {str(result).partition(': ')[2]}")
    took = f"{perf_counter() - began:.1f} s"
    if wrong:
        click.echo(f"{wrong} findings, in {took}.")
        raise SystemExit(1)
    click.echo(f"Everything is as it was recorded. Checked in {took}.")


@audit.command(short_help="Write a firm's history for the verifier that needs no database.")
@click.option("--firm", "slug", required=True, help="The firm's slug.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@with_appcontext
def export(slug: str, out: Path) -> None:
    """Write a firm's history as JSON lines; `python -m webapp.proof FILE --key KEY` checks it anywhere."""
    require_head()
    firm_id = find_firm(slug).firm_id
    with reading() as session, out.open("w", encoding="utf-8") as file:
        for line in proofs.export(session, firm_id=firm_id):
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    click.echo(f"Wrote {out}. The key to check it with: {public_key(_key()).hex()}")


@audit.command(short_help="Print the public key that checks the seals.")
@with_appcontext
def key() -> None:
    """Print the public key that checks the seals. Keep it where nobody who can write the database can."""
    click.echo(public_key(_key()).hex())


@audit.command("seal", short_help="Seal now what waits for a seal.")
@with_appcontext
def seal_now() -> None:
    """Seal what waits, be it new and little, and keep the seals in their files."""
    require_head()
    total = 0
    while done := sum(
        seals.make(writing, settings=settings(), now=clock.now(), stop=lambda: False, at_once=True).values()
    ):
        total += done
    kept = seals.keep(writing, settings())
    click.echo(f"Sealed or adopted {total} entries, kept {kept} seals in {seals.folder(settings())}.")


@audit.command(short_help="Vouch for rows without a digest, so that they are adopted as found.")
@click.option("--firm", "slug", required=True, help="The firm's slug.")
@with_appcontext
def accept(slug: str) -> None:
    """Vouch for a firm's history rows that have no digest.

    An older version that still ran beside this one wrote such rows, or somebody did by SQL. They are hashed
    and sealed as they are found, and marked so.
    """
    require_head()
    firm_id = find_firm(slug).firm_id
    count = write(lambda: sealing.accept(db.session(), firm_id))
    click.echo(f"{count} rows will be adopted as found." if count else "Every row has its digest.")


def writing() -> Session:
    """A session that begins as a writer."""
    return Session(
        db.engine, execution_options={"write": True}, expire_on_commit=False, info=tenancy.EVERY_FIRM
    )


def reading() -> Session:
    """A session that sees one moment, however long it reads."""
    level = "REPEATABLE READ" if db.engine.dialect.name == "postgresql" else "SERIALIZABLE"
    return Session(db.engine.execution_options(isolation_level=level), info=tenancy.EVERY_FIRM)


def _firms(session: Session, slug: str | None) -> list[tuple[int, str]]:
    return [(find_firm(slug).firm_id, slug)] if slug else proofs.firms(session)


def _key() -> Ed25519PrivateKey:
    return signing_key(settings().seal_key, secret_key=settings().secret_key)
