"""What every print is made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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


def marked(made: Paper, asked: Asked) -> Paper:
    """The print with a file name of its own where it is not of the present or not of everything.

    Each row of its table says as of when it holds, and of what alone it is: nothing for everything.
    """
    only = ", ".join(filter(None, [asked.names.staff[asked.staff] if asked.staff else "", filters(asked)]))
    return replace(
        made,
        stem=made.stem + _apart(asked),
        columns=[*made.columns, ("As of", lambda _row: asked.at), ("Only", lambda _row: only)],
    )


def _apart(asked: Asked) -> str:
    """``-staff-4-as-of-2026-01-13-083000``; by numbers, since a file's name is ASCII."""
    narrowed = (("staff", asked.staff), ("type", asked.type), ("account", asked.account))
    parts = [f"-{name}-{key}" for name, key in narrowed if key]
    if asked.channel:
        parts.append(f"-attendance-{asked.channel}")
    if asked.as_of:
        parts.append(f"-as-of-{asked.local.at(asked.as_of):%Y-%m-%d-%H%M%S}")
    return "".join(parts)


def as_of(asked: Asked) -> str:
    """``Tue 13 Jan 2026, 10:00``; empty for the present."""
    return asked.local.full_day_time(asked.as_of) if asked.as_of else ""
