"""Rows that a sweep could not move. They step aside and are tried again later, less and less often."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from webapp.lifecycle import transaction
from webapp.lifecycle.sweeps.due import SOURCES
from webapp.lifecycle.sweeps.plan import Plan
from webapp.models import Appointment, SweepProblem
from webapp.vocabulary import SweepKind

SENTENCE_LENGTH = 300


def note(session: Session, plan: Plan, kind: SweepKind, appointment_id: int, error: DatabaseError) -> None:
    """Write down what the database said, in a transaction of its own."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    sentence = str(error.orig).strip().splitlines()[0][:SENTENCE_LENGTH]
    statement = insert(SweepProblem).values(
        firm_id=plan.firm_id,
        appointment_id=appointment_id,
        kind=kind,
        sentence=sentence,
        tries=1,
        first_at=plan.now,
        last_at=plan.now,
    )
    again = statement.on_conflict_do_update(
        index_elements=[SweepProblem.firm_id, SweepProblem.appointment_id, SweepProblem.kind],
        set_={"tries": SweepProblem.tries + 1, "last_at": plan.now, "sentence": sentence},
    )
    transaction.run(session, lambda: session.execute(again))


def forget_solved(session: Session, plan: Plan) -> None:
    """Forget the rows that have left the status from which they could not be moved."""
    waiting = sa.or_(
        *((SweepProblem.kind == kind) & (Appointment.status == status) for kind, status in SOURCES.items())
    )
    still = (
        sa.select(Appointment.appointment_id)
        .where(
            Appointment.firm_id == SweepProblem.firm_id,
            Appointment.appointment_id == SweepProblem.appointment_id,
            waiting,
        )
        .correlate(SweepProblem)
        .exists()
    )
    gone = sa.delete(SweepProblem).where(SweepProblem.firm_id == plan.firm_id, ~still)
    transaction.run(session, lambda: session.execute(gone.execution_options(synchronize_session=False)))
