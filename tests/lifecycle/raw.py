"""Rows written past the lifecycle, as a careless script would write them. The database is on its own here."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from tests.factories import DAY, LENGTH, World
from webapp.models import Appointment, AppointmentStatusHistory, OutboxEvent
from webapp.vocabulary import Action, ActorKind, Status

OWN_STAMPS: dict[Status, dict[str, Any]] = {
    Status.AWAITING_CONFIRMATION: {"confirm_by": None},
    Status.RESCHEDULED: {"rescheduled_at": None},
    Status.CANCELLED: {"cancelled_at": None, "cancellation_kind": "cancelled", "cancelled_by": "staff"},
    Status.COMPLETED: {"completed_at": None},
    Status.NO_SHOW: {"no_show_at": None, "no_show_party": "client"},
}
"""The columns that a status needs; None stands for the world's ``now``."""


def columns(world: World, status: Status = Status.CONFIRMED, **given: Any) -> dict[str, Any]:
    """Every column of an appointment that the database accepts, Lena's with Ada tomorrow."""
    start = given.get("start_time", world.now + DAY)
    own = {name: world.now if value is None else value for name, value in OWN_STAMPS.get(status, {}).items()}
    return {
        "firm_id": world.firm.firm_id,
        "appointment_type_id": world.kind.appointment_type_id,
        "staff_user_id": world.staff.staff_user_id,
        "contact_id": world.contact.contact_id,
        "booked_by": "a script",
        "start_time": start,
        "end_time": start + LENGTH,
        "status": status,
        "chain_position": 1,
        "location": "",
        "notes": "",
        "overbooked": False,
        "version": 1,
        "created_at": world.now,
        **own,
        **given,
    }


def appointment(session: Session, world: World, status: Status = Status.CONFIRMED, **given: Any) -> int:
    """Insert an appointment without any history; its number."""
    table = Appointment.__table__
    statement = sa.insert(table).values(**columns(world, status, **given)).returning(table.c.appointment_id)
    return int(session.scalars(statement).one())


def change(session: Session, appointment_id: int, **values: Any) -> None:
    """Update an appointment's columns and nothing else."""
    table = Appointment.__table__
    session.execute(sa.update(table).where(table.c.appointment_id == appointment_id).values(**values))


def history(session: Session, world: World, appointment_id: int, **given: Any) -> None:
    """Insert a history row: a booking, the first, by the system."""
    values = {
        "firm_id": world.firm.firm_id,
        "appointment_id": appointment_id,
        "sequence": 1,
        "action": Action.BOOK,
        "to_status": Status.CONFIRMED,
        "actor_kind": ActorKind.SYSTEM,
        "actor_label": "a script",
        "changed_at": world.now,
        "occurred_at": world.now,
    }
    session.execute(sa.insert(AppointmentStatusHistory.__table__).values(values | given))


def event(session: Session, world: World, appointment_id: int, sequence: int = 1, **given: Any) -> None:
    """Insert an outbox event."""
    values = {
        "firm_id": world.firm.firm_id,
        "appointment_id": appointment_id,
        "sequence": sequence,
        "event_type": "appointment.confirmed",
        "payload": {},
        "created_at": world.now,
    }
    session.execute(sa.insert(OutboxEvent.__table__).values(values | given))


def refused(session: Session, work: Any, mark: str) -> None:
    """The database refuses the work with an error that carries the mark; the transaction lives on."""
    with pytest.raises(DatabaseError) as refusal, session.begin_nested():
        work()
    assert mark in str(refusal.value.orig).lower(), refusal.value.orig
