"""A backup: one file, a tar of ``manifest.json`` and ``data``, the whole database as of one instant.

``data`` is a SQLite file, or a dump by ``pg_dump`` in its custom format. The manifest says which, of which
schema, how many rows each table has, and the SHA-256 of the data.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import sqlalchemy as sa

from webapp.models import Base

FORMAT = 1
PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of. ``made_at`` is ISO 8601 in UTC; ``rows`` is by table."""

    engine: str
    head: str
    made_at: str
    rows: dict[str, int]
    sha256: str
    version: str
    format: int = FORMAT


def manifest(engine: str, head: str, now: datetime, rows: dict[str, int], data: Path) -> Manifest:
    """Describe a file of data."""
    try:
        program = version("daybook")
    except PackageNotFoundError:  # run from its folder, without being installed
        program = "unknown"
    return Manifest(engine, head, now.astimezone(UTC).isoformat(), rows, digest(data), program)


def count(connection: sa.Connection) -> dict[str, int]:
    """How many rows each table has, one statement for each."""
    there = set(sa.inspect(connection).get_table_names())
    return {
        table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in Base.metadata.sorted_tables
        if table.name in there
    }


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            found.update(piece)
    return found.hexdigest()


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """A folder for our eyes only beside a file, gone afterwards."""
    with TemporaryDirectory(prefix=".daybook-", dir=target.absolute().parent) as folder:
        yield Path(folder)


def write(out: Path, described: Manifest, data: Path, folder: Path) -> None:
    """Put the backup together and into place; it is there whole or not at all, for its owner alone."""
    whole = folder / "whole"
    with whole.open("xb") as file:
        whole.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w") as archive:
            text = json.dumps(asdict(described), indent=1, sort_keys=True).encode()
            member = tarfile.TarInfo("manifest.json")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
            archive.add(data, "data")
        file.flush()
        os.fsync(file.fileno())
    read(whole, folder / "read-back")
    os.link(whole, out)  # refuses what has come there meanwhile


def read(path: Path, data: Path) -> Manifest:
    """Take a backup apart: its data go to ``data``, unchanged since they were written.

    Raises:
        ClickException: this is no backup, it is damaged, or of a later kind.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            told = json.load(_member(archive, "manifest.json"))
            if told.get("format") != FORMAT:
                raise click.ClickException("A newer Daybook made this backup. Restore it with that one.")
            described = Manifest(**told)
            with _member(archive, "data") as source, data.open("xb") as target:
                while piece := source.read(PIECE):
                    target.write(piece)
    except (tarfile.TarError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise click.ClickException(f"{path.name} is not a backup made by `daybook backup`.") from error
    if digest(data) != described.sha256:
        raise click.ClickException(f"{path.name} is damaged: its data are not those that were written.")
    return described


def _member(archive: tarfile.TarFile, name: str) -> "io.BufferedReader":
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found  # type: ignore[return-value]
