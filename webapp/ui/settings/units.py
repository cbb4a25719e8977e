"""Times typed as a number and its unit."""

from typing import Any

UNITS = {"minutes": 1, "hours": 60, "days": 24 * 60}


def in_unit(field: str, minutes: int) -> dict[str, Any]:
    """A number of minutes in the largest unit that divides it."""
    unit = next(unit for unit in ("days", "hours", "minutes") if minutes % UNITS[unit] == 0)
    if minutes == 0:
        unit = "hours"
    return {field: minutes // UNITS[unit], f"{field}_unit": unit}
