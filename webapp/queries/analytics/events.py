"""What the history tells about a cohort: who recorded the outcomes, what was corrected, what was answered."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.models import Appointment, AppointmentStatusHistory
from webapp.queries.analytics import cohort
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.rates import Rate
from webapp.vocabulary import OUTCOMES, Action, ActorKind, Status

History = AppointmentStatusHistory


@dataclass(frozen=True, slots=True)
class Recorded:
    """Outcomes of a cohort by who recorded the one that stands, and how often one was corrected.

    ``answered`` are proposals that were confirmed, of those and the ones that ran out of time.
    """

    automatic: dict[Status, int]
    manual: dict[Status, int]
    imported: dict[Status, int]
    corrections: int
    confirmed: int

    def share_automatic(self, status: Status) -> Rate:
        """Of the outcomes that were recorded here; imported ones were recorded elsewhere."""
        automatic = self.automatic.get(status, 0)
        return Rate(automatic, automatic + self.manual.get(status, 0))


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
    later = aliased(History)
    stands = ~(
        sa.select(later.history_id)
        .where(
            later.firm_id == History.firm_id,
            later.appointment_id == History.appointment_id,
            later.sequence > History.sequence,
            *_known(later, scope),
        )
        .correlate(History)
        .exists()
    )
    outcome = History.to_status.in_(OUTCOMES)
    rows = session.execute(
        sa.select(
            History.action,
            History.actor_kind,
            History.to_status,
            sa.func.count(),
            sa.func.sum(sa.case((stands, 1), else_=0)),
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
            *_known(History, scope),
            sa.or_(outcome, History.action == Action.CONFIRM),
        )
        .group_by(History.action, History.actor_kind, History.to_status)
    )
    automatic, manual, imported = Counter[Status](), Counter[Status](), Counter[Status]()
    corrections = confirmed = 0
    for action, actor, to, count, standing in rows:
        if action is Action.CONFIRM:
            confirmed += count
            continue
        corrections += count if action is Action.CORRECT else 0
        kind = imported if action is Action.IMPORT else automatic if actor is ActorKind.SYSTEM else manual
        kind[to] += standing
    return Recorded(dict(automatic), dict(manual), dict(imported), corrections, confirmed)


def requests(session: Session, scope: Scope) -> Requests:
    """Requests by when they were made, with what followed first. One statement."""
    answer = aliased(History)
    rows = session.execute(
        sa.select(answer.action, sa.func.count())
        .select_from(History)
        .join(
            Appointment,
            sa.and_(
                Appointment.firm_id == History.firm_id, Appointment.appointment_id == History.appointment_id
            ),
        )
        .outerjoin(
            answer,
            sa.and_(
                answer.firm_id == History.firm_id,
                answer.appointment_id == History.appointment_id,
                answer.sequence == History.sequence + 1,
                *_known(answer, scope),
            ),
        )
        .where(
            History.firm_id == scope.firm_id,
            History.changed_at >= scope.since,
            History.changed_at < scope.before,
            *_known(History, scope),
            History.action == Action.REQUEST,
            *cohort.filters(scope),
        )
        .group_by(answer.action)
    )
    found: dict[Any, int] = {row[0]: row[1] for row in rows}
    return Requests(
        approved=found.get(Action.APPROVE, 0),
        declined=found.get(Action.DECLINE, 0),
        expired=found.get(Action.EXPIRE, 0),
        waiting=found.get(None, 0),
    )


def _known(history: Any, scope: Scope) -> list[Any]:
    return [history.changed_at <= scope.now] if scope.replayed else []
