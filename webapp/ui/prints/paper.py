"""What every print is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.ui.csv_table import Records
from webapp.ui.prints.forms import Asked


@dataclass(frozen=True, slots=True)
class Paper:
    """A report ready to print. ``stem`` is its file's name; ``back`` where its page came from.

    ``records`` are read when the table is made, one for each row of ``columns``.
    """

    template: str
    title: str
    stem: str
    back: tuple[str, str]
    context: dict[str, Any]
    columns: Sequence[tuple[str, Callable[[Any], object]]]
    records: Callable[[], Records[Any]]


def narrowed(asked: Asked) -> str:
    """``staff Lena Vogel, type Review``; ``all staff`` without filters."""
    staff = asked.names.staff[asked.staff] if asked.staff else "all staff"
    return ", ".join(filter(None, [staff, filters(asked)]))


def filters(asked: Asked) -> str:
    """Those beside the staff; empty without any."""
    known, found = asked.names, []
    if asked.type:
        found.append(f"type {known.types[asked.type]}")
    if asked.account:
        found.append(f"account {known.accounts[asked.account]}")
    if asked.channel:
        found.append("attendance reported" if asked.tracked else "attendance not reported")
    return ", ".join(found)


def as_of(asked: Asked) -> str:
    """``Tue 13 Jan 2026, 10:00``; empty for the present."""
    return asked.local.full_day_time(asked.as_of) if asked.as_of else ""
