"""Appointments as programs read them: every field of the contract, one row each, in one statement."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Missing
from webapp.lifecycle.limits import window_open
from webapp.lifecycle.transitions import TABLE, allowed_actions
from webapp.models import (
    Account,
    Appointment,
    AppointmentStatusHistory,
    AppointmentType,
    Contact,
    Firm,
    StaffUser,
)
from webapp.queries.rows import After, successor
from webapp.vocabulary import OUTCOMES, Action, Status

Cursor = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class Record:
    """One appointment with the names around it. ``rescheduled_to`` is its successor, if it was moved."""

    appointment: Appointment
    type_name: str
    staff_name: str
    contact_name: str | None
    account_name: str | None
    rescheduled_to: int | None
    outcome_recorded_at: datetime | None

    @property
    def chain_id(self) -> int:
        """The first appointment of the chain."""
        return self.appointment.chain_root_id or self.appointment.appointment_id

    def allowed(self, actor: Actor, firm: Firm, now: datetime) -> list[Action]:
        """What the actor can do with it now; corrections while the firm's window is open."""
        if actor.role is None:
            return []
        found = allowed_actions(
            self.appointment.status,
            role=actor.role,
            start_time=self.appointment.start_time,
            now=now,
            correctable=window_open(firm, self.outcome_recorded_at, now),
        )
        return [action for action in found if actor.can(TABLE[action].permission)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is listed; unset means everything. The start lies within ``[since, before)``."""

    since: datetime | None = None
    before: datetime | None = None
    statuses: frozenset[Status] = field(default_factory=frozenset)
    staff_user_id: int | None = None
    appointment_type_id: int | None = None
    contact_id: int | None = None
    account_id: int | None = None
    external_ref: str | None = None


def get(session: Session, *, firm_id: int, appointment_id: int) -> Record:
    """One appointment, fresh. One statement.

    Raises:
        Missing: the firm has no such appointment.
    """
    statement = _select().where(Appointment.firm_id == firm_id, Appointment.appointment_id == appointment_id)
    row = session.execute(statement.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise Missing("There is no such appointment.")
    return Record(*row)


def page(
    session: Session, *, firm_id: int, criteria: Criteria, after: Cursor | None, size: int
) -> tuple[list[Record], Cursor | None]:
    """Up to ``size`` appointments by start, the earliest first, and the key to go on from. One statement."""
    picked = _picked(firm_id, criteria, after, size + 1).subquery("picked")
    statement = (
        _select()
        .join(picked, picked.c.appointment_id == Appointment.appointment_id)
        .order_by(Appointment.start_time, Appointment.appointment_id)
    )
    found = [Record(*row) for row in session.execute(statement)]
    more, found = len(found) > size, found[:size]
    last = found[-1].appointment if more else None
    return found, (last.start_time, last.appointment_id) if last else None


def _picked(firm_id: int, criteria: Criteria, after: Cursor | None, limit: int) -> sa.Select[Any]:
    """The first ``limit`` appointments after the cursor: one range of an index for each status asked for.

    An IN over statuses would have either engine read and sort everything that has them. One person's, one
    client's appointments are sifted within their own range instead.
    """
    shared = [Appointment.firm_id == firm_id, *_conditions(criteria), *_past(after)]
    branches = [
        sa.select(Appointment.appointment_id, Appointment.start_time)
        .where(*shared, *part)
        .order_by(Appointment.start_time, Appointment.appointment_id)
        .limit(limit)
        .subquery()
        for part in _ranges(criteria)
    ]
    if len(branches) == 1:
        return sa.select(branches[0])
    union = sa.union_all(*map(sa.select, branches)).subquery()
    return sa.select(union).order_by(union.c.start_time, union.c.appointment_id).limit(limit)


def _ranges(criteria: Criteria) -> list[list[sa.ColumnElement[bool]]]:
    statuses = [status for status in Status if status in criteria.statuses]
    if not statuses or len(statuses) == len(Status):
        return [[]]
    narrow = (criteria.staff_user_id, criteria.contact_id, criteria.account_id, criteria.external_ref)
    if any(each is not None for each in narrow):
        return [[Appointment.status.in_(statuses)]]
    return [[Appointment.status == status] for status in statuses]


def _past(after: Cursor | None) -> list[sa.ColumnElement[bool]]:
    """As one comparison of pairs: the beginning of a range."""
    if after is None:
        return []
    mark = sa.tuple_(sa.bindparam(None, after[0], Appointment.start_time.type), sa.bindparam(None, after[1]))
    return [sa.tuple_(Appointment.start_time, Appointment.appointment_id) > mark]


def _conditions(criteria: Criteria) -> list[sa.ColumnElement[bool]]:
    """The filters but for statuses."""
    found: list[sa.ColumnElement[bool]] = []
    if criteria.since is not None:
        found.append(Appointment.start_time >= criteria.since)
    if criteria.before is not None:
        found.append(Appointment.start_time < criteria.before)
    equal: dict[Any, Any] = {
        Appointment.staff_user_id: criteria.staff_user_id,
        Appointment.appointment_type_id: criteria.appointment_type_id,
        Appointment.contact_id: criteria.contact_id,
        Appointment.account_id: criteria.account_id,
        Appointment.external_ref: criteria.external_ref,
    }
    return found + [column == value for column, value in equal.items() if value is not None]


@lru_cache(maxsize=1)
def _select() -> sa.Select[Any]:
    history = AppointmentStatusHistory
    recorded = (  # a minimum would have SQLite walk through the firm's history by the time of recording
        sa.select(history.changed_at)
        .where(
            history.firm_id == Appointment.firm_id,
            history.appointment_id == Appointment.appointment_id,
            history.to_status.in_(OUTCOMES),
        )
        .order_by(history.sequence)
        .limit(1)
        .correlate(Appointment)
        .scalar_subquery()
    )
    columns: tuple[Any, ...] = (
        Appointment,
        AppointmentType.name,
        StaffUser.name,
        Contact.name,
        Account.name,
        successor(After.appointment_id, Appointment.status == Status.RESCHEDULED),
        recorded,
    )
    return (
        sa.select(*columns)
        .join(AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
    )
