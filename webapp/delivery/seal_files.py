"""Seals kept outside the database: one file for each firm, a seal in each line, only ever made longer.

Who can rewrite the database cannot make a file of last month disagree with itself. Several processes may keep
the same folder; each machine with a worker has a copy of its own.
"""

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from webapp import proof

TAIL = 256 * 1024  # bytes; the longest line is a fifth of it


def file_of(folder: Path, firm_id: int) -> Path:
    """Where the seals of a firm are kept."""
    return folder / f"firm-{firm_id}.jsonl"


def last_kept(path: Path) -> int:
    """The number of the last seal in the file; 0 where there is none."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return _last(file)


def keep(path: Path, seals: Iterable[proof.Seal]) -> int:
    """Append the seals that the file does not have yet, and see to it that they are on the disk.

    A line that a crash had cut short is written again.

    Returns:
        How many were appended.

    Raises:
        OSError: the folder or the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = 0
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        last = _last(file)
        for seal in seals:
            if seal.number > last:
                file.write(json.dumps(seal._asdict()).encode() + b"\n")
                kept += 1
        file.flush()
        os.fsync(file.fileno())
    return kept


def _last(file: BinaryIO) -> int:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL))
    tail = file.read()
    whole = tail.rfind(b"\n") + 1
    if whole < len(tail) and file.writable():
        file.truncate(size - len(tail) + whole)
    lines = tail[:whole].splitlines()
    return int(json.loads(lines[-1])["number"]) if lines else 0
