"""Which appointments a figure from the history counts: by who recorded the outcome, by the answer."""

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from webapp.models import Appointment, AppointmentStatusHistory
from webapp.queries.analytics import cohort, events
from webapp.queries.analytics.cohort import Scope
from webapp.vocabulary import OUTCOMES, Action, ActorKind

History = AppointmentStatusHistory
NEVER, EVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class Behind(StrEnum):
    """The first three: who recorded the outcome that stands; ``CORRECTED``: it stands in place of another.
    The last three: requests made in the period, whenever they were for, by what followed first."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    IMPORTED = "imported"
    CORRECTED = "corrected"
    CONFIRMED = "confirmed"
    APPROVED = "request-approved"
    DECLINED = "request-declined"
    EXPIRED = "request-expired"


ANSWERS = {
    Behind.APPROVED: Action.APPROVE,
    Behind.DECLINED: Action.DECLINE,
    Behind.EXPIRED: Action.EXPIRE,
}


def widened(scope: Scope, behind: Behind | None) -> Scope:
    """The cohort in which the appointments are looked for: requests are dated by when they were made."""
    return replace(scope, since=NEVER, before=EVER) if behind in ANSWERS else scope


def references(scope: Scope, behind: Behind) -> sa.Select[Any]:
    """The keys of the appointments; one may come twice."""
    if behind in ANSWERS:
        return events.asked(scope, History.appointment_id).where(events.ANSWER.action == ANSWERS[behind])
    by_import, by_system = History.action == Action.IMPORT, History.actor_kind == ActorKind.SYSTEM
    outcome = sa.and_(History.to_status.in_(OUTCOMES), events.stands(scope))
    wanted = {
        Behind.AUTOMATIC: sa.and_(outcome, ~by_import, by_system),
        Behind.MANUAL: sa.and_(outcome, ~by_import, ~by_system),
        Behind.IMPORTED: sa.and_(outcome, by_import),
        Behind.CORRECTED: sa.and_(outcome, History.action == Action.CORRECT),
        Behind.CONFIRMED: History.action == Action.CONFIRM,
    }
    return (
        sa.select(History.appointment_id)
        .join(
            Appointment,
            sa.and_(
                Appointment.firm_id == History.firm_id, Appointment.appointment_id == History.appointment_id
            ),
        )
        .where(*cohort.conditions(scope), *events.known(History, scope), wanted[behind])
    )
