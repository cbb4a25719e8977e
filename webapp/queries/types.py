"""Appointment types as the settings list them."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.models import AppointmentType, Firm

KEY_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Kind:
    """One type. ``duration`` and the notices are minutes; a limit of None is the firm's."""

    appointment_type_id: int
    name: str
    duration: int
    location: str
    tracked: bool
    reschedule_limit: int | None
    reschedule_notice: int | None
    cancel_notice: int | None
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class FirmLimits:
    """What a type follows where it sets nothing. ``reschedule_limit`` None is without limit."""

    reschedule_limit: int | None
    reschedule_notice: int
    cancel_notice: int


_COLUMNS = (
    AppointmentType.appointment_type_id,
    AppointmentType.name,
    AppointmentType.duration,
    AppointmentType.location,
    AppointmentType.tracked,
    AppointmentType.reschedule_limit,
    AppointmentType.reschedule_notice,
    AppointmentType.cancel_notice,
    AppointmentType.retired_at,
)


def all_types(session: Session, *, firm_id: int) -> list[Kind]:
    """Every type of the firm by name, the retired ones last. One statement."""
    rows = session.execute(sa.select(*_COLUMNS).where(AppointmentType.firm_id == firm_id))
    found = [Kind(*row) for row in rows]
    return sorted(found, key=lambda kind: (kind.retired_at is not None, kind.name.casefold()))


def get(session: Session, *, firm_id: int, appointment_type_id: int) -> Kind:
    """One type of the firm (Missing otherwise). One statement."""
    query = sa.select(*_COLUMNS).where(
        AppointmentType.firm_id == firm_id, AppointmentType.appointment_type_id == appointment_type_id
    )
    row = session.execute(query).one_or_none() if appointment_type_id < KEY_LIMIT else None
    if row is None:
        raise Missing("There is no such appointment type.")
    return Kind(*row)


def firm_limits(session: Session, *, firm_id: int) -> FirmLimits:
    """The firm's own limits. One statement."""
    row = session.execute(
        sa.select(Firm.reschedule_limit, Firm.reschedule_notice, Firm.cancel_notice).where(
            Firm.firm_id == firm_id
        )
    ).one()
    return FirmLimits(*row)
