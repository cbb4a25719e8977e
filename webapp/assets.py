"""The static files: each under a name with a fingerprint of its content, and packed once for all who ask."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from mimetypes import guess_type
from pathlib import Path

import brotli

STATIC = Path(__file__).parent / "static"
HASHED = re.compile(r"(?P<stem>.+)\.(?P<mark>[0-9a-f]{12})(?P<suffix>\.[a-z]+)")
WORTH_PACKING = 600  # bytes
PACKERS = {
    "br": lambda body: brotli.compress(body, quality=11),
    "gzip": lambda body: gzip.compress(body, 9, mtime=0),
}
"""By preference, where a browser likes them equally."""


@dataclass(frozen=True)
class Asset:
    """One file as it is now."""

    body: bytes
    mark: str
    mimetype: str

    @property
    def packs(self) -> bool:
        """Whether packing it makes it smaller."""
        return len(self.body) >= WORTH_PACKING and not self.mimetype.startswith("font/")


def hashed_name(path: str) -> str:
    """The file's name below ``/static/`` with its fingerprint: ``css/base.css`` is ``css/base.1f….css``."""
    stem, dot, suffix = path.rpartition(".")
    return f"{stem}.{find(path).mark}{dot}{suffix}"


def split(name: str) -> tuple[str, str]:
    """The file that a name means, and the fingerprint in it, empty where there is none."""
    found = HASHED.fullmatch(name)
    return (found["stem"] + found["suffix"], found["mark"]) if found else (name, "")


def find(path: str) -> Asset:
    """A file below ``static``; read again when it has changed on disk.

    Raises:
        FileNotFoundError: there is none.
    """
    found = (STATIC / path).resolve()
    if not found.is_relative_to(STATIC.resolve()) or not found.is_file():
        raise FileNotFoundError(path)
    now = found.stat()
    return _read(found, now.st_mtime_ns, now.st_size)


@lru_cache(maxsize=256)
def _read(path: Path, _modified: int, _size: int) -> Asset:
    body = path.read_bytes()
    mark = hashlib.sha256(body).hexdigest()[:12]
    return Asset(body, mark, guess_type(path.name)[0] or "application/octet-stream")


@lru_cache(maxsize=512)
def packed(asset: Asset, encoding: str) -> bytes:
    """The content in an encoding of :data:`PACKERS`, made when it is first asked for and kept in memory."""
    return bytes(PACKERS[encoding](asset.body))
