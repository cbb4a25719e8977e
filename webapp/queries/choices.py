"""Short lists to choose from: the staff who take appointments."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import StaffUser


def bookable_staff(session: Session, *, firm_id: int) -> list[tuple[int, str]]:
    """``(id, name)`` of everybody who takes appointments, by name."""
    found = session.execute(
        sa.select(StaffUser.staff_user_id, StaffUser.name)
        .where(StaffUser.firm_id == firm_id, StaffUser.bookable, StaffUser.deactivated_at.is_(None))
        .order_by(StaffUser.name, StaffUser.staff_user_id)
    )
    return [(row.staff_user_id, row.name) for row in found]
