"""The people of a firm as programs read them, and who and what a search for free time is about."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import AppointmentType, StaffUser
from webapp.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody of the team. ``active`` is not deactivated; ``bookable`` takes appointments."""

    staff_user_id: int
    name: str
    role: Role
    bookable: bool
    active: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose time is looked for, and the type's minutes; None where the firm has no such type to book."""

    name: str
    minutes: int | None


def everybody(session: Session, *, firm_id: int) -> list[Colleague]:
    """The whole team by name, those who are deactivated last. One statement."""
    found = session.execute(
        sa.select(
            StaffUser.staff_user_id,
            StaffUser.name,
            StaffUser.role,
            StaffUser.bookable,
            StaffUser.deactivated_at.is_(None),
        ).where(StaffUser.firm_id == firm_id)
    )
    people = [Colleague(*row) for row in found]
    return sorted(people, key=lambda one: (not one.active, one.name.casefold(), one.staff_user_id))


def wanted(
    session: Session, *, firm_id: int, staff_user_id: int, appointment_type_id: int | None
) -> Wanted | None:
    """Somebody who takes appointments, with a type's length; None if the firm has no such person.

    One statement.
    """
    kind = sa.and_(
        AppointmentType.firm_id == StaffUser.firm_id,
        AppointmentType.appointment_type_id == (appointment_type_id or 0),
        AppointmentType.retired_at.is_(None),
    )
    row = session.execute(
        sa.select(StaffUser.name, AppointmentType.duration)
        .outerjoin(AppointmentType, kind)
        .where(
            StaffUser.firm_id == firm_id,
            StaffUser.staff_user_id == staff_user_id,
            StaffUser.bookable,
            StaffUser.deactivated_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else Wanted(*row)
