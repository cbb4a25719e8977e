"""What paper shows beside an appointment's row, and who is named on it."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Appointment, Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """Which of a firm's appointments, by what their rows do not carry. None is everything."""

    staff_user_id: int | None = None
    appointment_type_id: int | None = None
    account_id: int | None = None
    tracked: bool | None = None


def phones(
    session: Session,
    *,
    firm_id: int,
    span: tuple[datetime, datetime],
    narrowed: Narrowed,
    most: int | None = None,
) -> dict[int, str]:
    """The client's phone, or empty, of each appointment that starts within ``[a, b)``. One statement.

    An appointment that is not among the keys was filtered away. Where there are more than ``most``, one more
    than that is given.
    """
    statement = (
        sa.select(Appointment.appointment_id, Contact.phone)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .where(
            Appointment.firm_id == firm_id,
            Appointment.start_time >= span[0],
            Appointment.start_time < span[1],
        )
    )
    if most is not None:
        statement = statement.limit(most + 1)
    for column, value in (
        (Appointment.staff_user_id, narrowed.staff_user_id),
        (Appointment.appointment_type_id, narrowed.appointment_type_id),
        (Appointment.account_id, narrowed.account_id),
        (Appointment.tracked, narrowed.tracked),
    ):
        if value is not None:
            statement = statement.where(column == value)
    return {key: phone or "" for key, phone in session.execute(statement)}
