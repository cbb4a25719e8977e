"""Taking a suggested outcome: the same facts, the same stamps, but a person's act."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import appointments
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.outcomes import Decision, Facts, Meeting, Verdict, absence_note, decide_outcome
from webapp.lifecycle.sweeps.plan import policy_of
from webapp.models import Appointment, Attendance, Firm
from webapp.vocabulary import Action, AttendanceSide, Status

NONE_NOW = "The facts suggest no outcome for this meeting now. Record what happened instead."


def suggestion(
    session: Session,
    appointment: Appointment,
    *,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> str:
    """Record the outcome that the facts suggest. Gives what was done: ``Completed``.

    Raises:
        Invalid: the facts suggest nothing, or nothing any more.
        Stale, NotAllowed, Forbidden: as for the actions themselves.
    """
    appointments.check(session, appointment, Action.COMPLETE, actor, now, expected_version)
    firm = session.get_one(Firm, appointment.firm_id)
    decision = _decision(session, appointment, firm, now)
    if decision.verdict is Verdict.NOTHING:
        raise Invalid(NONE_NOW)
    if decision.party is not None:
        appointments.mark_no_show(
            session,
            appointment,
            actor=actor,
            party=decision.party,
            note=absence_note(policy_of(firm)),
            occurred_at=decision.occurred_at,
            now=now,
            expected_version=expected_version,
        )
        return "Recorded a no-show for"
    assert decision.outcome is Status.COMPLETED  # noqa: S101 - the rule knows two outcomes
    appointments.complete(
        session,
        appointment,
        actor=actor,
        occurred_at=decision.occurred_at,
        now=now,
        expected_version=expected_version,
    )
    return "Completed"


def _decision(session: Session, appointment: Appointment, firm: Firm, now: datetime) -> Decision:
    joined = dict(
        session.execute(
            sa.select(Attendance.side, sa.func.min(Attendance.joined_at))
            .where(
                Attendance.firm_id == appointment.firm_id,
                Attendance.appointment_id == appointment.appointment_id,
                Attendance.withdrawn_at.is_(None),
                Attendance.joined_at <= now,
            )
            .group_by(Attendance.side)
        ).all()
    )
    meeting = Meeting(
        start_time=appointment.start_time, end_time=appointment.end_time, tracked=appointment.tracked
    )
    facts = Facts(
        client_joined_at=joined.get(AttendanceSide.CLIENT), staff_joined_at=joined.get(AttendanceSide.STAFF)
    )
    return decide_outcome(meeting, facts, policy_of(firm), now)
