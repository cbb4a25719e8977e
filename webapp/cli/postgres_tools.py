"""PostgreSQL's own ``pg_dump``, ``pg_restore`` and ``psql``, which write and read its backups."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.dialects import postgresql

INSTALL = (
    "Backups of PostgreSQL need pg_dump, pg_restore and psql of version {major} or newer on the PATH: "
    "install the package postgresql-client-{major}."
)
COPY = re.compile(rb"COPY (?:public\.)?\"?(\w+)\"? \(")
EMPTY = """
DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relkind IN ('r', 'p')
      AND c.relnamespace = 'public'::regnamespace LOOP
    EXECUTE 'DROP TABLE IF EXISTS ' || r.name || ' CASCADE';
  END LOOP;
  FOR r IN SELECT p.oid::regprocedure AS name FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE 'DROP FUNCTION IF EXISTS ' || r.name || ' CASCADE';
  END LOOP;
END $$;
"""


def need(engine: sa.Engine) -> None:
    """Stop with one sentence unless the tools are there and know this server."""
    with engine.connect() as connection:
        major = int(connection.dialect.server_version_info[0])  # type: ignore[index]
    for name in ("pg_dump", "pg_restore", "psql"):
        found = shutil.which(name)
        told = _ran([found, "--version"]).stdout if found else "0"
        if int(re.findall(r"\d+", told)[0]) < major:
            raise click.ClickException(INSTALL.format(major=major))


def dump(engine: sa.Engine, snapshot: str, data: Path) -> None:
    """Write what the exported snapshot sees, for every firm."""
    plain = ["--no-owner", "--no-privileges", "--no-comments", "--enable-row-security"]
    where = [f"--snapshot={snapshot}", f"--file={data}", f"--dbname={_address(engine, data.parent)}"]
    _run(["pg_dump", "--format=custom", *plain, *where])


def rows(data: Path) -> dict[str, int]:
    """Read a dump to its end, and count the rows of each table in it."""
    found: Counter[str] = Counter()
    table = ""
    command = [_tool("pg_restore"), "--data-only", "--file=-", str(data)]
    with subprocess.Popen(  # noqa: S603  PostgreSQL's own
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        for line in process.stdout or ():
            if table and line == b"\\.\n":
                table = ""
            elif table:
                found[table] += 1
            elif match := COPY.match(line):
                table = match[1].decode()
    if process.returncode:
        raise click.ClickException("The dump cannot be read back.")
    return dict(found)


def replace(engine: sa.Engine, data: Path, then: Sequence[sa.Update]) -> None:
    """Put what the dump holds in the place of all that is there, and do what follows, in one transaction."""
    script = data.with_name("script.sql")
    _run(["pg_restore", "--no-owner", "--no-privileges", f"--file={script}", str(data)])
    before, after = data.with_name("before.sql"), data.with_name("after.sql")
    before.write_text(f"SET lock_timeout = '10s';\n{EMPTY}")
    dialect: Any = postgresql.dialect()
    said = [str(each.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) for each in then]
    after.write_text(";\n".join(["SET row_security = on", "SET search_path = public", *said, ""]))
    files = [f"--file={file}" for file in (before, script, after)]
    strict = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    _run(["psql", *strict, *files, f"--dbname={_address(engine, data.parent)}"])


def _address(engine: sa.Engine, folder: Path) -> str:
    """Where the server is. The password goes into a file: command lines are seen by everybody."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    parts: dict[str, Any] = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
    if password := parts.pop("password", None):
        escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
        passfile = folder / "pgpass"
        passfile.touch(0o600)
        passfile.write_text(f"*:*:*:*:{escaped}\n")
        parts["passfile"] = str(passfile)
    return make_conninfo(**parts, options="-c daybook.firm=all -c timezone=UTC")


def _tool(name: str) -> str:
    return shutil.which(name) or name


def _ran(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  PostgreSQL's own


def _run(command: list[str]) -> None:
    done = _ran([_tool(command[0]), *command[1:]])
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if "ERROR" in line or "error" in line]
        said = (told or done.stderr.splitlines() or ["it said nothing"])[0]
        raise click.ClickException(f"{command[0]} failed, and nothing was changed: {said}")
