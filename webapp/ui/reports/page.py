"""What the report's page shows: the figures of :class:`Asked`, arranged."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from webapp.localtime import Local
from webapp.queries.analytics import events
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.names import Names
from webapp.queries.analytics.tallies import Tallies
from webapp.ui.reports import breakdowns, forms, more, panels, tiles
from webapp.ui.reports.forms import CHANNELS, Filters
from webapp.ui.reports.parts import Links

REPORT = "/reports"


@dataclass(frozen=True, slots=True)
class Asked:
    """A report's filters with what they find."""

    filters: Filters
    scope: Scope
    found: Tallies
    names: Names


def shown(session: Any, asked: Asked, local: Local, sort: str) -> dict[str, Any]:
    """Everything between the filters and the foot. Two statements."""
    found, filters = asked.found, asked.filters
    links = Links(filters)
    known, total = asked.names, found.total
    staff = breakdowns.table("staff", "By staff", found.by_staff, total, known.staff, filters, sort)
    return {
        "tiles": tiles.tiles(found, filters, links),
        "coverage": tiles.coverage(total, links),
        "timeline": panels.timeline(found, filters, links, local),
        "parties": panels.parties(total, links),
        "cancellations": panels.cancellations(total, links),
        "hours": panels.hours(found.by_hour, links),
        "leads": panels.leads(found.by_lead, links),
        "chains": panels.chains(found.chains, links),
        "answer": breakdowns.answer(staff),
        "tables": [
            staff,
            breakdowns.table("type", "By type", found.by_type, total, known.types, filters, sort),
            breakdowns.table(
                "account",
                "By account",
                found.by_account,
                total,
                known.accounts,
                filters,
                sort,
                found.accounts - len(found.by_account),
            ),
        ],
        "more": more.facts(
            total,
            found.chains,
            events.recorded(session, asked.scope),
            events.requests(session, asked.scope),
            found.times,
            links,
        ),
        "nothing": not total.of(Figure.ALL),
    }


def heading(filters: Filters, known: Names, local: Local) -> dict[str, str]:
    """The period, the one before and the filters, in words."""
    first, last = filters.previous()
    return {
        "period": days(filters.first, filters.last, local),
        "previous": days(first, last, local),
        "narrowed": narrowed(filters, known),
        "as_of": local.full_day_time(filters.as_of) if filters.as_of else "",
    }


def file_stem(what: str, filters: Filters, local: Local) -> str:
    """``report-from-2025-10-20-to-2026-01-11-staff-3-as-of-2026-01-12-100000+0000``."""
    narrowed = (("staff", filters.staff), ("type", filters.type), ("account", filters.account))
    parts = [f"{what}-from-{filters.first}-to-{filters.last}"]
    parts += [f"{name}-{key}" for name, key in narrowed if key is not None]
    if filters.channel:
        parts.append(filters.channel)
    if filters.as_of:
        parts.append(f"as-of-{local.at(filters.as_of):%Y-%m-%d-%H%M%S%z}")
    return "-".join(parts)


def days(first: date, last: date, local: Local) -> str:
    """``20 Oct 2025 to 11 Jan 2026``."""
    told = [local.full_day(day)[4:] for day in (first, last)]
    return told[0] if first == last else " to ".join(told)


def narrowed(filters: Filters, known: Names) -> str:
    """``staff Lena Vogel, type Review``; empty without filters."""
    found = [
        f"{word} {names.get(key, 'not in the list')}"
        for word, key, names in (
            ("staff", filters.staff, known.staff),
            ("type", filters.type, known.types),
            ("account", filters.account, known.accounts),
        )
        if key is not None
    ]
    if filters.channel:
        found.append(CHANNELS[filters.channel].lower())
    return ", ".join(found)


def presets(
    filters: Filters | None, local: Local, now: datetime, kept: list[tuple[str, str]]
) -> list[tuple[str, str, bool]]:
    """Name, address, and whether it is the one shown; the other filters stay, and what is kept."""
    at = filters.as_of if filters and filters.as_of else now
    base = filters or Filters(*forms.last_weeks(forms.USUAL, local.day_of(at)))
    found = []
    for name, weeks in forms.WEEKS.items():
        preset = base.spanning(*forms.last_weeks(weeks, local.day_of(at)))
        found.append((name, preset.url(REPORT, *kept), preset == filters))
    return found
