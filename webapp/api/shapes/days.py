"""Days as a query carries them."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from webapp.localtime import parse_date

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(given: Any) -> date:
    if not isinstance(given, str) or not ISO.fullmatch(given):
        raise PydanticCustomError("day", "Send a day as year-month-day, such as 2026-01-13")
    try:
        return parse_date(given)
    except ValueError:
        raise PydanticCustomError("day", "Send a day of the calendar between 1990 and 2100") from None


Day = Annotated[date, BeforeValidator(_day)]
"""A day of the calendar, by the firm's clock."""
