"""What the history tells about a cohort: who recorded the outcomes, what was corrected, what was answered."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.models import Appointment, AppointmentStatusHistory
from webapp.queries import replay
from webapp.queries.analytics import cohort
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.rates import Rate
from webapp.vocabulary import OUTCOMES, Action, ActorKind, Status

History = AppointmentStatusHistory
ANSWER = aliased(History, name="answer")


@dataclass(frozen=True, slots=True)
class Recorded:
    """Outcomes of a cohort by who recorded the one that stands.

    ``corrected`` are appointments, ``corrections`` how often an outcome of theirs was changed; ``confirmed``
    are proposals.
    """

    automatic: dict[Status, int]
    manual: dict[Status, int]
    imported: dict[Status, int]
    corrected: int
    corrections: int
    confirmed: int

    def share_automatic(self, status: Status) -> Rate:
        """Of the outcomes that were recorded here; imported ones were recorded elsewhere."""
        automatic = self.automatic.get(status, 0)
        return Rate(automatic, automatic + self.manual.get(status, 0))

    def expiry(self, timed_out: int) -> Rate:
        """Of the proposals that were confirmed or ran out of time, those that did."""
        return Rate(timed_out, timed_out + self.confirmed)


@dataclass(frozen=True, slots=True)
class Requests:
    """What became of the requests that came in within the period."""

    approved: int
    declined: int
    expired: int
    waiting: int

    @property
    def decline(self) -> Rate:
        """D / (approved + D + E)."""
        return Rate(self.declined, self.approved + self.declined + self.expired)


def recorded(session: Session, scope: Scope) -> Recorded:
    """One statement over the history of the cohort."""
    outcome = History.to_status.in_(OUTCOMES)
    rows = session.execute(
        sa.select(
            History.action,
            History.actor_kind,
            History.to_status,
            sa.func.count(),
            sa.func.sum(sa.case((stands(scope), 1), else_=0)),
        )
        .select_from(Appointment)
        .join(
            History,
            sa.and_(
                History.firm_id == Appointment.firm_id, History.appointment_id == Appointment.appointment_id
            ),
        )
        .where(
            *cohort.conditions(scope),
            *known(History, scope),
            sa.or_(outcome, History.action == Action.CONFIRM),
        )
        .group_by(History.action, History.actor_kind, History.to_status)
    )
    automatic, manual, imported = Counter[Status](), Counter[Status](), Counter[Status]()
    corrected = corrections = confirmed = 0
    for action, actor, to, count, standing in rows:
        if action is Action.CONFIRM:
            confirmed += count
            continue
        if action is Action.CORRECT:
            corrected, corrections = corrected + standing, corrections + count
        kind = imported if action is Action.IMPORT else automatic if actor is ActorKind.SYSTEM else manual
        kind[to] += standing
    return Recorded(dict(automatic), dict(manual), dict(imported), corrected, corrections, confirmed)


def stands(scope: Scope) -> sa.ColumnElement[bool]:
    """Whether nothing had followed a history row yet."""
    later = aliased(History)
    return ~(
        sa.select(later.history_id)
        .where(
            later.firm_id == History.firm_id,
            later.appointment_id == History.appointment_id,
            later.sequence > History.sequence,
            *known(later, scope),
        )
        .correlate(History)
        .exists()
    )


def requests(session: Session, scope: Scope) -> Requests:
    """Requests by when they were made, with what followed first. One statement."""
    rows = session.execute(asked(scope, ANSWER.action, sa.func.count()).group_by(ANSWER.action))
    found: dict[Any, int] = {row[0]: row[1] for row in rows}
    return Requests(
        approved=found.get(Action.APPROVE, 0),
        declined=found.get(Action.DECLINE, 0),
        expired=found.get(Action.EXPIRE, 0),
        waiting=found.get(None, 0),
    )


def asked(scope: Scope, *columns: Any) -> sa.Select[Any]:
    """The requests that were made in the period, each with the ``ANSWER`` that followed, if one did."""
    return (
        sa.select(*columns)
        .select_from(History)
        .join(
            Appointment,
            sa.and_(
                Appointment.firm_id == History.firm_id, Appointment.appointment_id == History.appointment_id
            ),
        )
        .outerjoin(
            ANSWER,
            sa.and_(
                ANSWER.firm_id == History.firm_id,
                ANSWER.appointment_id == History.appointment_id,
                ANSWER.sequence == History.sequence + 1,
                *known(ANSWER, scope),
            ),
        )
        .where(
            History.firm_id == scope.firm_id,
            History.changed_at >= scope.since,
            History.changed_at < scope.before,
            *known(History, scope),
            History.action == Action.REQUEST,
            History.to_status == Status.REQUESTED,  # follows from the action, as does the next:
            History.from_status.is_(None),  # an index begins with all three
            *cohort.filters(scope),
        )
    )


def known(history: Any, scope: Scope) -> list[Any]:
    """What had been written by the instant that the figures are of."""
    return [replay.recorded_by(history, scope.now)] if scope.replayed else []
