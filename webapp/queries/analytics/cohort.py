"""The appointments that a figure is about, with what had become of each as of an instant."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from webapp.lifecycle.sweeps.instants import minutes_after
from webapp.models import Appointment, AppointmentType, Firm
from webapp.queries import replay
from webapp.queries.analytics.classes import Fate
from webapp.vocabulary import CancellationKind, CancelledBy, NoShowParty, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A firm's appointments that start in ``[since, before)``, narrowed where a filter is set.

    ``now`` is the instant as of which they are seen. With ``replayed`` it lies back, and what had become of
    each is read from the status history as it had been recorded by then; otherwise from the appointment.
    ``tracked`` separates meetings whose attendance somebody reports from the others.
    """

    firm_id: int
    zone: ZoneInfo
    since: datetime
    before: datetime
    now: datetime
    replayed: bool = False
    staff_user_id: int | None = None
    appointment_type_id: int | None = None
    account_id: int | None = None
    tracked: bool | None = None

    def during(self, since: datetime, before: datetime) -> "Scope":
        """The same filters over another period."""
        return replace(self, since=since, before=before)


def members(scope: Scope) -> sa.Select[Any]:
    """One row for each appointment of the cohort.

    Columns: ``appointment_id, start_time, created_at, ended_at`` (cancelled or moved; else null),
    ``staff_user_id, appointment_type_id, account_id, chain_position, fate``.
    """
    state = replay.replayed(scope.now) if scope.replayed else replay.present()
    source = sa.join(
        Appointment, AppointmentType, AppointmentType.appointment_type_id == Appointment.appointment_type_id
    ).join(Firm, Firm.firm_id == Appointment.firm_id)
    if state.joined is not None:
        source = source.join(state.joined, state.on)
    ended_at = sa.case((state.status.in_([Status.CANCELLED, Status.RESCHEDULED]), state.stamp))
    return (
        sa.select(
            Appointment.appointment_id,
            Appointment.start_time,
            Appointment.created_at,
            ended_at.label("ended_at"),
            Appointment.staff_user_id,
            Appointment.appointment_type_id,
            Appointment.account_id,
            Appointment.chain_position,
            _fate(state, scope.now).label("fate"),
        )
        .select_from(source)
        .where(*conditions(scope))
    )


def conditions(scope: Scope) -> list[sa.ColumnElement[bool]]:
    """Whose appointments, and which."""
    return [
        Appointment.firm_id == scope.firm_id,
        Appointment.start_time >= scope.since,
        Appointment.start_time < scope.before,
        *filters(scope),
    ]


def filters(scope: Scope) -> list[sa.ColumnElement[bool]]:
    """What narrows a cohort beyond its period."""
    found: list[sa.ColumnElement[bool]] = []
    if scope.staff_user_id is not None:
        found.append(Appointment.staff_user_id == scope.staff_user_id)
    if scope.appointment_type_id is not None:
        found.append(Appointment.appointment_type_id == scope.appointment_type_id)
    if scope.account_id is not None:
        found.append(Appointment.account_id == scope.account_id)
    if scope.tracked is not None:
        found.append(Appointment.tracked.is_(scope.tracked))
    return found


def _fate(state: replay.State, now: datetime) -> sa.ColumnElement[int]:
    """The classes, the most frequent first."""
    late = minutes_after(
        state.stamp, sa.func.coalesce(AppointmentType.cancel_notice, Firm.cancel_notice)
    ) > sa.type_coerce(Appointment.start_time, sa.DateTime())
    by: dict[CancelledBy, tuple[Fate, Fate]] = {
        CancelledBy.CLIENT: (Fate.CANCELLED_CLIENT_LATE, Fate.CANCELLED_CLIENT),
        CancelledBy.STAFF: (Fate.CANCELLED_STAFF_LATE, Fate.CANCELLED_STAFF),
        CancelledBy.SYSTEM: (Fate.CANCELLED_SYSTEM_LATE, Fate.CANCELLED_SYSTEM),
    }
    cases: list[tuple[Any, Fate]] = [
        (state.status == Status.COMPLETED, Fate.COMPLETED),
        (sa.and_(state.status == Status.CONFIRMED, Appointment.end_time <= now), Fate.UNRECORDED),
        (state.status == Status.CONFIRMED, Fate.UPCOMING),
        (state.party == NoShowParty.CLIENT, Fate.NO_SHOW_CLIENT),
        (state.party == NoShowParty.STAFF, Fate.NO_SHOW_STAFF),
        (state.party == NoShowParty.BOTH, Fate.NO_SHOW_BOTH),
        (state.status == Status.RESCHEDULED, Fate.RESCHEDULED),
        (state.status == Status.REQUESTED, Fate.REQUESTED),
        (state.status == Status.AWAITING_CONFIRMATION, Fate.AWAITING),
        (state.kind == CancellationKind.DECLINED.value, Fate.DECLINED),
        (state.kind == CancellationKind.EXPIRED.value, Fate.EXPIRED),
        (state.kind == CancellationKind.TIMED_OUT.value, Fate.TIMED_OUT),
        (state.withdrawn, Fate.WITHDRAWN),
        (Appointment.start_time > now, Fate.CANCELLED_AHEAD),
    ]
    for side, (hurried, timely) in by.items():
        cases += [(sa.and_(state.by == side, late), hurried), (state.by == side, timely)]
    return sa.case(*((when, sa.literal_column(str(int(fate)), sa.Integer())) for when, fate in cases))
