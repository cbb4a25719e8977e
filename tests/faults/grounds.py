"""Where stacks are made: a template to copy, a folder, and on PostgreSQL a server that may be killed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults.cluster import Cluster, running_cluster
from tests.faults.stack import Stack, running
from tests.support.engines import migrate

TEMPLATE = "template_daybook"


@contextlib.contextmanager
def ground(engine: str) -> Iterator["Ground"]:
    """A migrated template, and a folder for the stacks."""
    with tempfile.TemporaryDirectory(prefix="daybook-faults-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        if engine == "sqlite":
            template = folder / "template.sqlite3"
            migrate(f"sqlite:///{template}", folder)
            yield Ground(folder, str(template))
        else:
            cluster = stack.enter_context(running_cluster())
            cluster.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'")
            migrate(cluster.url_of(TEMPLATE), folder)
            yield Ground(folder, TEMPLATE, cluster)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """A file system of its own in the folder; None where this machine allows none."""
    folder.mkdir(parents=True, exist_ok=True)
    program = shutil.which("mount")
    words = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", str(folder)]
    if program is None or subprocess.run([program, *words], check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@dataclass
class Ground:
    """Where stacks are made: on SQLite a file, on PostgreSQL a database of one cluster, each a fresh copy."""

    folder: Path
    template: str
    cluster: Cluster | None = None
    made: int = 0

    @property
    def name(self) -> str:
        return "postgresql" if self.cluster else "sqlite"

    @contextlib.contextmanager
    def stack(
        self, *, guards_off: str = "", workers: int = 1, lazy: bool = False, disk: Path | None = None
    ) -> Iterator[Stack]:
        """A running stack.

        Args:
            lazy: let PostgreSQL answer before a commit is on disk.
            disk: where the database is to lie.
        """
        self.made += 1
        folder = self.folder / f"stack-{self.made}"
        folder.mkdir()
        database = None
        if self.cluster is None:
            file = (disk or folder) / "daybook.sqlite3"
            url = f"sqlite:///{file}"
            shutil.copyfile(self.template, file)
        else:
            database = f"stack_{self.made}"
            url = self.cluster.url_of(database)
            where = self._space(disk) if disk is not None else ""
            self.cluster.run(f"CREATE DATABASE {database} TEMPLATE {self.template} {where}")
            if lazy:
                self.cluster.run(f"ALTER DATABASE {database} SET synchronous_commit = off")
        try:
            with running(
                folder, url, guards_off=guards_off, workers=workers, cluster=self.cluster, database=database
            ) as stack:
                yield stack
        finally:
            if self.cluster is not None:
                self.cluster.run(f"DROP DATABASE {database} WITH (FORCE)")
                if disk is not None:
                    self.cluster.run("DROP TABLESPACE small")

    def _space(self, disk: Path) -> str:
        """A place for one database on this disk; the server's log stays where it was."""
        assert self.cluster is not None
        place = disk / "space"
        place.mkdir()
        if os.geteuid() == 0:
            owner = self.cluster.data.stat()
            os.chown(place, owner.st_uid, owner.st_gid)
        self.cluster.run(f"CREATE TABLESPACE small LOCATION '{place}'")
        return "TABLESPACE small"

    @property
    def disk(self) -> Path:
        """Where a small disk can be mounted that the database may use."""
        return (self.cluster.home if self.cluster else self.folder) / "small"
