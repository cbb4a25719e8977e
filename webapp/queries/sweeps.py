"""What sweeps leave to people: what the fuse held back, what stepped aside, and the evidence for outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.outcomes import Decision, Facts, Meeting, Policy, decide_outcome, threshold_of
from webapp.lifecycle.sweeps import due
from webapp.lifecycle.sweeps import plan as plans
from webapp.lifecycle.sweeps.report import Why
from webapp.models import (
    Account,
    Appointment,
    Attendance,
    Contact,
    Firm,
    StaffUser,
    SweepHold,
    SweepProblem,
)
from webapp.vocabulary import AttendanceSide, OutcomePolicy, Status, SweepKind

SAMPLE = 10
LISTED = 50
POLICY = (Firm.complete_after, Firm.no_show_after, Firm.completion_policy, Firm.no_show_policy)
"""What the outcome rule goes by, as :func:`_policy` takes it."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What the fuse held back. ``row_count`` and ``usual`` are as they were at ``held_at``."""

    sweep_hold_id: int
    kind: SweepKind
    row_count: int
    usual: int
    why: Why
    due_until: datetime
    held_at: datetime
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class Brief:
    """An appointment in a few words."""

    appointment_id: int
    start_time: datetime
    end_time: datetime
    client: str
    staff_name: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that stepped aside, and what the database said."""

    brief: Brief
    kind: SweepKind
    sentence: str
    tries: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about a meeting that ended without an outcome, and what the rule makes of it."""

    tracked: bool
    facts: Facts
    threshold: datetime
    decision: Decision


def open_holds(session: Session, *, firm_id: int) -> list[Hold]:
    """What waits for a manager, the oldest first. One statement, by a partial index that is mostly empty."""
    return _holds(session, sa.and_(SweepHold.firm_id == firm_id, SweepHold.decision.is_(None)), LISTED)


def decided_holds(session: Session, *, firm_id: int) -> list[Hold]:
    """The last ten that were decided, the newest first."""
    where = sa.and_(SweepHold.firm_id == firm_id, SweepHold.decision.is_not(None))
    return _holds(session, where, SAMPLE, newest=True)


def hold(session: Session, *, firm_id: int, sweep_hold_id: int) -> Hold | None:
    """One hold of the firm, open or decided."""
    where = sa.and_(SweepHold.firm_id == firm_id, SweepHold.sweep_hold_id == sweep_hold_id)
    return next(iter(_holds(session, where, 1)), None)


def _holds(
    session: Session, where: sa.ColumnElement[bool], limit: int, *, newest: bool = False
) -> list[Hold]:
    order = SweepHold.sweep_hold_id.desc() if newest else SweepHold.sweep_hold_id
    rows = session.scalars(sa.select(SweepHold).where(where).order_by(order).limit(limit))
    return [
        Hold(
            row.sweep_hold_id,
            row.kind,
            row.row_count,
            row.usual,
            Why(row.why),
            row.due_until,
            row.held_at,
            row.decision,
            row.decided_at,
            row.decided_by,
        )
        for row in rows
    ]


def sample(session: Session, *, firm_id: int, held: Hold) -> list[Brief]:
    """The first ten rows that are still held back, in the order in which they fell due. Five statements."""
    plan = plans.load(session, firm_id=firm_id, now=held.due_until)
    found = session.scalars(
        due.select(plan, held.kind, Appointment.appointment_id, since=plan.floor.get(held.kind)).limit(SAMPLE)
    ).all()
    return list(briefs(session, firm_id=firm_id, appointment_ids=found).values())


def briefs(session: Session, *, firm_id: int, appointment_ids: Sequence[int]) -> dict[int, Brief]:
    """Appointments in a few words, by id, in the order of their start. One statement."""
    rows = session.execute(
        select_briefs()
        .where(Appointment.firm_id == firm_id, Appointment.appointment_id.in_(appointment_ids))
        .order_by(Appointment.start_time, Appointment.appointment_id)
    )
    return {row.appointment_id: Brief(*row) for row in rows}


def select_briefs() -> sa.Select[int, datetime, datetime, str, str]:
    """The columns of :class:`Brief`, from appointments."""
    return (
        sa.select(
            Appointment.appointment_id,
            Appointment.start_time,
            Appointment.end_time,
            sa.func.coalesce(Contact.name, Account.name).label("client"),
            StaffUser.name.label("staff_name"),
        )
        .select_from(Appointment)
        .join(StaffUser, StaffUser.staff_user_id == Appointment.staff_user_id)
        .outerjoin(Contact, Contact.contact_id == Appointment.contact_id)
        .outerjoin(Account, Account.account_id == Appointment.account_id)
    )


def problems(session: Session, *, firm_id: int) -> list[Problem]:
    """Rows that stepped aside, the latest failure first. Two statements."""
    found = session.scalars(
        sa.select(SweepProblem)
        .where(SweepProblem.firm_id == firm_id)
        .order_by(SweepProblem.last_at.desc(), SweepProblem.appointment_id)
        .limit(LISTED)
    ).all()
    about = briefs(session, firm_id=firm_id, appointment_ids=[row.appointment_id for row in found])
    return [
        Problem(about[row.appointment_id], row.kind, row.sentence, row.tries, row.last_at) for row in found
    ]


def evidence(
    session: Session, *, firm_id: int, appointment_ids: Sequence[int], now: datetime
) -> dict[int, Evidence]:
    """What is known of confirmed meetings, by id. One statement."""
    joins = {side: _first_join(side) for side in AttendanceSide}
    rows = session.execute(
        sa.select(
            Appointment.appointment_id,
            Appointment.start_time,
            Appointment.end_time,
            Appointment.tracked,
            joins[AttendanceSide.CLIENT],
            joins[AttendanceSide.STAFF],
            *POLICY,
        )
        .join(Firm, Firm.firm_id == Appointment.firm_id)
        .where(
            Appointment.firm_id == firm_id,
            Appointment.appointment_id.in_(appointment_ids),
            Appointment.status == Status.CONFIRMED,
        )
    )
    return {
        row[0]: _evidence(
            Meeting(start_time=row[1], end_time=row[2], tracked=row[3]),
            row[4],
            row[5],
            _policy(row[6], row[7], row[8], row[9]),
            now,
        )
        for row in rows
    }


def _evidence(
    meeting: Meeting, client: datetime | None, staff: datetime | None, policy: Policy, now: datetime
) -> Evidence:
    facts = Facts(client_joined_at=client, staff_joined_at=staff)
    decision = decide_outcome(meeting, facts, policy, now)
    return Evidence(meeting.tracked, facts, threshold_of(meeting, policy), decision)


def _policy(
    complete_after: int, no_show_after: int, completion: OutcomePolicy, no_show: OutcomePolicy
) -> Policy:
    return Policy(
        complete_after=complete_after, no_show_after=no_show_after, completion=completion, no_show=no_show
    )


def _first_join(side: AttendanceSide) -> sa.ScalarSelect[datetime]:
    return (
        sa.select(sa.func.min(Attendance.joined_at))
        .where(
            Attendance.firm_id == Appointment.firm_id,
            Attendance.appointment_id == Appointment.appointment_id,
            Attendance.side == side,
            Attendance.withdrawn_at.is_(None),
        )
        .correlate(Appointment)
        .scalar_subquery()
    )
