"""A comma-separated file as lines of cells, one at a time: a file of any length takes the same memory."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from webapp.lifecycle.errors import Invalid

ENCODING = "utf-8-sig"
GZIP = b"\x1f\x8b"  # how such a file begins, whatever its name


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file. ``number`` is the line it begins on, as an editor counts."""

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row was left out. Line 0 means the file as a whole."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.sentence}" if self.line else self.sentence


class Source:
    """An open .csv or .csv.gz: its header, then its rows.

    Bytes that are not text in the encoding become U+FFFD, which the checks of a cell refuse, so they spoil
    only the rows that need them.
    """

    def __init__(self, path: Path, *, encoding: str = ENCODING) -> None:
        """Open the file and read its header.

        Raises:
            Invalid: it cannot be read, or has no header.
        """
        self.size = path.stat().st_size
        self._raw = path.open("rb")
        packed = self._raw.peek(2)[:2] == GZIP
        plain = gzip.GzipFile(fileobj=self._raw) if packed else self._raw
        self._text = io.TextIOWrapper(plain, encoding=encoding, errors="replace", newline="")
        self._rows = csv.reader(self._text)
        try:
            self.header = self._names()
        except Invalid:
            self.close()
            raise

    def _names(self) -> list[str]:
        try:
            header = [name.strip() for name in self._next() or []]
        except csv.Error as error:
            raise Invalid(f"The first line cannot be read as comma-separated values: {error}.") from error
        if not any(header):
            raise Invalid("The file is empty: its first line must name the columns.")
        return header

    @property
    def position(self) -> int:
        """Bytes of the file read so far, of ``size``."""
        return self._raw.tell()

    def close(self) -> None:
        self._text.close()
        self._raw.close()

    def __iter__(self) -> Iterator[Line | Problem]:
        """The rows in order. A row that cannot be taken apart is a problem; the next one is read on.

        Raises:
            Invalid: the file ends or breaks in the middle.
        """
        while True:
            began = self._rows.line_num + 1
            try:
                cells = self._next()
            except csv.Error as error:
                yield Problem(
                    began, f"It cannot be read as comma-separated values: {error}.{self._span(began)}"
                )
                continue
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) == len(self.header):
                yield Line(began, cells)
            else:
                count = f"It has {len(cells)} cells, the header has {len(self.header)}."
                yield Problem(began, count + self._span(began))

    def _span(self, began: int) -> str:
        """A row over many lines is most often a quotation mark that nobody closed."""
        last = self._rows.line_num
        return f" It runs to line {last}; a quotation mark may not be closed." if last > began else ""

    def _next(self) -> list[str] | None:
        try:
            return next(self._rows, None)
        except (OSError, EOFError, zlib.error) as error:
            raise Invalid(f"The file breaks off after line {self._rows.line_num}: {error}.") from error
