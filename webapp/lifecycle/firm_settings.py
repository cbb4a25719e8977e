"""What a firm decides about itself: name, clock, working hours, and the limits of moving and cancelling."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from itertools import pairwise
from typing import ClassVar, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Invalid
from webapp.lifecycle.text import one_line
from webapp.localtime import DAYS, parse_clock, zone_names
from webapp.models import Firm
from webapp.vocabulary import Permission

NAME_LENGTH = 120
SPANS_A_DAY = 2
DAY_MINUTES = 24 * 60
SLOT_STEPS = (5, 10, 15, 20, 30, 45, 60, 90, 120)
RESCHEDULE_LIMIT = (0, 50)
NOTICE = (0, 365 * DAY_MINUTES)  # minutes
CORRECTION_DAYS = (0, 365)
CONFIRM_HOURS = (1, 720)
SUBJECT = "firm"

Span = list[int]
Hours = list[list[Span]]


class Group(ABC):
    """Settings that one page shows and saves together; a dataclass whose fields are columns of the firm.

    ``ACTION`` is what the audit log calls a change of them.
    """

    __slots__ = ()
    ACTION: ClassVar[str]

    @classmethod
    def of(cls, firm: Firm) -> Self:
        """What the firm has now."""
        return cls(**{field.name: getattr(firm, field.name) for field in fields(cls)})  # type: ignore[arg-type]

    @abstractmethod
    def checked(self) -> Self:
        """The same, tidied (Invalid where a value is out of its range)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values(Group):
    """The settings page. Notices are in minutes; ``reschedule_limit`` None is without limit.

    ``working_hours`` has, per weekday from Monday, ``[start, end)`` in minutes after local midnight.
    """

    ACTION: ClassVar[str] = "change"

    name: str
    timezone: str
    twelve_hour: bool
    month_first: bool
    working_hours: Hours
    slot_step: int
    reschedule_limit: int | None
    reschedule_notice: int
    cancel_notice: int
    correction_days: int
    confirm_hours: int

    def checked(self) -> Self:
        return _checked(self)


AnyValues = TypeVar("AnyValues", bound=Values)


def change(session: Session, *, actor: Actor, values: Group, seen: int, now: datetime) -> Firm:
    """Store what differs and note it.

    Args:
        seen: the number of the last change of these settings that the page was made from, see
            :func:`last_change`.

    Raises:
        Invalid: a value is out of its range; ``field`` names it.
        Overtaken: somebody changed the settings after the page was made.
    """
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include the settings.")
    firm = session.scalars(
        sa.select(Firm)
        .where(Firm.firm_id == actor.firm_id)
        .with_for_update(key_share=True)  # the key is shared by whoever refers to the firm
        .execution_options(populate_existing=True)
    ).one()
    audit.refuse_if_changed(
        session,
        firm_id=actor.firm_id,
        subject=SUBJECT,
        subject_id=actor.firm_id,
        seen=seen,
        name="the settings",
        actions=[values.ACTION],
    )
    changed = audit.changes(firm, asdict(values.checked()))  # type: ignore[call-overload]
    for field, (_before, after) in changed.items():
        setattr(firm, field, after)
    if changed:
        audit.note(
            session,
            actor=actor,
            subject=SUBJECT,
            subject_id=firm.firm_id,
            action=values.ACTION,
            changed=changed,
            now=now,
        )
    return firm


def last_change(session: Session, firm_id: int, action: str = Values.ACTION) -> int:
    """The number of the last change of one page's settings; 0 before the first."""
    return audit.last_change(session, firm_id=firm_id, subject=SUBJECT, subject_id=firm_id, actions=[action])


def _checked(values: AnyValues) -> AnyValues:
    name = one_line(values.name, NAME_LENGTH, "name")
    if not name:
        raise Invalid("Enter the name of the firm.", field="name")
    if values.timezone not in zone_names():
        raise Invalid("Choose a time zone from the list.", field="timezone")
    if values.slot_step not in SLOT_STEPS:
        raise Invalid("Choose a step from the list.", field="slot_step")
    if values.reschedule_limit is not None:
        within(values.reschedule_limit, RESCHEDULE_LIMIT, "reschedule_limit", "moves")
    within(values.reschedule_notice, NOTICE, "reschedule_notice", "minutes")
    within(values.cancel_notice, NOTICE, "cancel_notice", "minutes")
    within(values.correction_days, CORRECTION_DAYS, "correction_days", "days")
    within(values.confirm_hours, CONFIRM_HOURS, "confirm_hours", "hours")
    return replace(values, name=name, working_hours=_checked_hours(values.working_hours))


def within(value: int, limits: tuple[int, int], field: str, unit: str) -> None:
    """Refuse a number out of its range (Invalid beside ``field``)."""
    low, high = limits
    if not low <= value <= high:
        raise Invalid(f"Enter a whole number from {low:,} to {high:,} {unit}.", field=field)


def _checked_hours(hours: Hours) -> Hours:
    if len(hours) != len(DAYS):
        raise Invalid("Give the hours of seven days.")
    for number, spans in enumerate(hours):
        _check_day(number, spans)
    return hours


def _check_day(weekday: int, spans: list[Span]) -> None:
    day = DAYS[weekday]
    if len(spans) > SPANS_A_DAY:
        raise Invalid(f"{day} has more than two spans.", field=hours_field(weekday, 1))
    for number, (start, end) in enumerate(spans):
        if not 0 <= start < end <= DAY_MINUTES:
            raise Invalid(
                f"{day} ends before it starts. Swap the two times.", field=hours_field(weekday, number)
            )
    for number, ((_, end), (start, _)) in enumerate(pairwise(spans), 1):
        if start < end:
            raise Invalid(
                f"{day}’s second span begins before the first has ended.", field=hours_field(weekday, number)
            )


def hours_field(weekday: int, number: int) -> str:
    """The name of the input for a weekday's first (0) or second (1) span."""
    return f"{DAYS[weekday].lower()}_{number + 1}"


def parse_hours(typed: Mapping[str, str]) -> Hours:
    """Working hours from what was typed into :func:`hours_field` inputs; an empty one is no span.

    Raises:
        Invalid: an input is not two times with a dash between them.
    """
    return [
        [
            parse_span(text, field=field)
            for field in (hours_field(weekday, number) for number in range(SPANS_A_DAY))
            if (text := (typed.get(field) or "").strip())
        ]
        for weekday in range(len(DAYS))
    ]


def parse_span(text: str, *, field: str) -> Span:
    """``09:00–12:30`` as minutes after midnight; any dash or "to" will do, and 24:00 ends a day.

    Raises:
        Invalid: it is not two times.
    """
    parts = re.split(r"\s*(?:[-‐‑‒–—]|\bto\b)\s*", text.strip())  # noqa: RUF001 - the dashes people type
    if len(parts) != 2:
        raise Invalid("Enter two times with a dash between them, such as 09:00–12:30.", field=field)
    try:
        start = _minutes(parts[0])
        end = DAY_MINUTES if parts[1] in {"24:00", "24"} else _minutes(parts[1])
    except ValueError:
        raise Invalid("Enter two times with a dash between them, such as 09:00–12:30.", field=field) from None
    if start >= (end or DAY_MINUTES):
        raise Invalid("The end is not after the start. Swap the two times.", field=field)
    return [start, end or DAY_MINUTES]


def _minutes(text: str) -> int:
    time = parse_clock(text)
    return time.hour * 60 + time.minute


def span_text(span: Span, *, twelve_hour: bool = False) -> str:
    """``09:00–12:30``, or ``9:00 am–12:30 pm``."""
    return "–".join(_clock(minutes, twelve_hour) for minutes in span)


def _clock(minutes: int, twelve_hour: bool) -> str:
    hour, minute = divmod(minutes, 60)
    if not twelve_hour:
        return f"{hour:02d}:{minute:02d}"
    return f"{hour % 12 or 12}:{minute:02d} {'am' if hour % 24 < 12 else 'pm'}"
