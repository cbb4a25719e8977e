"""What the page for a new appointment offers: the firm, its types, and who takes appointments."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import AppointmentType, Firm
from webapp.queries import choices


@dataclass(frozen=True, slots=True)
class Offered:
    """A type that can be booked. ``duration`` in minutes."""

    appointment_type_id: int
    name: str
    duration: int
    location: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything to choose from. ``staff`` maps ids to names, in the order of the names."""

    firm: Firm
    types: dict[int, Offered]
    staff: dict[int, str]


def desk(session: Session, *, firm_id: int) -> Desk:
    """Three statements, whatever the size of the firm."""
    kinds = session.execute(
        sa.select(
            AppointmentType.appointment_type_id,
            AppointmentType.name,
            AppointmentType.duration,
            AppointmentType.location,
        ).where(AppointmentType.firm_id == firm_id, AppointmentType.retired_at.is_(None))
    )
    offered = sorted((Offered(*row) for row in kinds), key=lambda kind: kind.name.casefold())
    return Desk(
        firm=session.get_one(Firm, firm_id, populate_existing=True),
        types={kind.appointment_type_id: kind for kind in offered},
        staff=dict(choices.bookable_staff(session, firm_id=firm_id)),
    )
