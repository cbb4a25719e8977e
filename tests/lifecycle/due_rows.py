"""Many appointments at once, written past the application, each with the history that it should have."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import World
from webapp.models import Appointment, AppointmentStatusHistory, Attendance
from webapp.vocabulary import Action, ActorKind, AttendanceSide, AttendanceSource, Status

STEP = timedelta(minutes=15)
CHUNK = 10_000
FIRST = {
    Status.REQUESTED: Action.IMPORT,
    Status.AWAITING_CONFIRMATION: Action.PROPOSE,
    Status.CONFIRMED: Action.IMPORT,
    Status.COMPLETED: Action.IMPORT,
}


def many(
    session: Session,
    world: World,
    count: int,
    *,
    last_end: datetime,
    status: Status = Status.CONFIRMED,
    tracked: bool = False,
    confirm_by: datetime | None = None,
    **more: Any,
) -> list[int]:
    """Meetings of a quarter of an hour, one after the other, that end with one at ``last_end``; committed."""
    made = last_end - (count + 1) * STEP
    ids: list[int] = []
    staff = (more.pop("staff_user", None) or world.staff).staff_user_id
    for first in range(0, count, CHUNK):
        rows = []
        for place in range(first, min(first + CHUNK, count)):
            end = last_end - place * STEP
            rows.append(
                {
                    "firm_id": world.firm.firm_id,
                    "appointment_type_id": world.kind.appointment_type_id,
                    "staff_user_id": staff,
                    "contact_id": world.contact.contact_id,
                    "booked_by": "Lena Fischer",
                    "booked_by_id": world.staff.staff_user_id,
                    "start_time": end - STEP,
                    "end_time": end,
                    "status": status,
                    "confirm_by": confirm_by,
                    "completed_at": end if status is Status.COMPLETED else None,
                    "tracked": tracked,
                    "chain_position": 1,
                    "location": "",
                    "notes": "",
                    "overbooked": False,
                    "version": 1,
                    "created_at": made,
                }
                | more
            )
        insert = sa.insert(Appointment.__table__).returning(Appointment.__table__.c.appointment_id)
        found = list(session.scalars(insert, rows))
        ids += found
        system = FIRST[status] is Action.IMPORT
        session.execute(
            sa.insert(AppointmentStatusHistory.__table__),
            [
                {
                    "firm_id": world.firm.firm_id,
                    "appointment_id": number,
                    "sequence": 1,
                    "action": FIRST[status],
                    "to_status": status,
                    "changed_by_id": None if system else world.staff.staff_user_id,
                    "actor_kind": ActorKind.SYSTEM if system else ActorKind.STAFF,
                    "actor_label": "the system" if system else "Lena Fischer",
                    "changed_at": made,
                    "occurred_at": made,
                }
                for number in found
            ],
        )
    session.commit()
    return ids


def join(
    session: Session,
    world: World,
    appointment_id: int,
    side: AttendanceSide,
    at: datetime,
    *,
    recorded_at: datetime | None = None,
    withdrawn_at: datetime | None = None,
) -> None:
    """A fact of attendance, not committed."""
    session.add(
        Attendance(
            firm_id=world.firm.firm_id,
            appointment_id=appointment_id,
            side=side,
            source=AttendanceSource.PROVIDER,
            joined_at=at,
            recorded_at=recorded_at or at,
            actor_label="a provider",
            withdrawn_at=withdrawn_at,
            withdrawn_by="Lena Fischer" if withdrawn_at else None,
        )
    )
    session.flush()
