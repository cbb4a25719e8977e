"""Who takes appointments, of which types, and when they are free."""

from datetime import date
from typing import Annotated

from pydantic import Field

from webapp.api.shapes import Given, Key, Moment, Named, Told
from webapp.api.shapes.days import Day
from webapp.vocabulary import Role

Minutes = Annotated[int, Field(ge=5, le=1440)]


class TypeOut(Told):
    """An appointment type. ``duration`` and the notices are minutes; a limit of null is the firm's.
    A retired type is not booked any more.
    """

    appointment_type_id: Key
    name: str
    duration: int
    location: str
    tracked: bool
    reschedule_limit: int | None
    reschedule_notice: int | None
    cancel_notice: int | None
    retired_at: Moment | None


class TypesOut(Told):
    """All types of the firm by name, the retired ones last."""

    types: list[TypeOut]


class StaffOut(Told):
    """Somebody of the team. ``active`` false: deactivated; ``bookable`` takes appointments."""

    staff_user_id: Key
    name: str
    role: Role
    bookable: bool
    active: bool


class TeamOut(Told):
    """The whole team by name, those who are not active last."""

    staff: list[StaffOut]


class FreeDay(Told):
    """A day in the firm's zone and the starts that are free on it."""

    day: date
    starts: list[Moment]


class FreeSlotsOut(Told):
    """Free starts within the firm's working hours. ``zone`` is the firm's; the starts are in UTC."""

    staff_user: Named
    zone: str
    minutes: int
    days: list[FreeDay]


class FreeSlotsQuery(Given):
    """Send either ``appointment_type_id``, for its usual length, or ``minutes``."""

    staff_user_id: Key
    appointment_type_id: Key | None = None
    minutes: Minutes | None = None
    from_: Day = Field(alias="from", description="The first day, by the firm's clock, such as 2026-01-20.")
    days: Annotated[int, Field(ge=1, le=31)] = 7
