"""What a sweep of one firm needs to know before it starts: the policy, what is held, who stepped aside."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import Missing
from webapp.lifecycle.outcomes import Policy
from webapp.lifecycle.sweeps.report import Held, Why
from webapp.models import Firm, FirmSweep, SweepHold, SweepProblem
from webapp.vocabulary import OutcomePolicy, SweepKind

RELEASED, DISMISSED = "released", "dismissed"


@dataclass(slots=True)
class Plan:
    """``open`` holds stop their kind. Rows due before ``floor`` were left to people by a dismissal; rows due
    before ``cleared`` have been through a manager's hands and do not count for the fuse any more.
    ``reference`` is the last instant that the clock can be compared with: the last sweep by a clock that was
    believed, or a manager's decision on what a jump held back.
    """

    firm_id: int
    slug: str
    policy: Policy
    now: datetime
    reference: datetime | None = None
    open: dict[SweepKind, Held] = field(default_factory=dict)
    floor: dict[SweepKind, datetime] = field(default_factory=dict)
    cleared: dict[SweepKind, datetime] = field(default_factory=dict)
    aside: set[SweepKind] = field(default_factory=set)

    def kinds(self) -> list[SweepKind]:
        """The kinds that the firm's policy leaves to the sweep, no-shows before completions."""
        left = {SweepKind.EXPIRE, SweepKind.TIME_OUT}
        if self.policy.no_show is OutcomePolicy.DECIDE:
            left.add(SweepKind.NO_SHOW)
        if self.policy.completion is OutcomePolicy.DECIDE:
            left.add(SweepKind.COMPLETE)
        return [kind for kind in ORDER if kind in left]

    def offset(self, kind: SweepKind) -> timedelta:
        """How long after the instant that its index is sorted by a row of this kind falls due."""
        minutes = {
            SweepKind.COMPLETE: self.policy.complete_after,
            SweepKind.NO_SHOW: self.policy.no_show_after,
        }
        return timedelta(minutes=minutes.get(kind, 0))


ORDER = (SweepKind.NO_SHOW, SweepKind.COMPLETE, SweepKind.EXPIRE, SweepKind.TIME_OUT)


def policy_of(firm: Firm) -> Policy:
    """The firm's policy as the rule takes it."""
    return Policy(
        complete_after=firm.complete_after,
        no_show_after=firm.no_show_after,
        completion=firm.completion_policy,
        no_show=firm.no_show_policy,
    )


def load(session: Session, *, firm_id: int, now: datetime) -> Plan:
    """Three statements.

    Raises:
        Missing: there is no such firm.
    """
    found = session.execute(
        sa.select(Firm, FirmSweep.believed_at)
        .outerjoin(FirmSweep, FirmSweep.firm_id == Firm.firm_id)
        .where(Firm.firm_id == firm_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise Missing("There is no such firm.")
    firm, believed_at = found
    plan = Plan(firm_id, firm.slug, policy_of(firm), now, believed_at)
    _add_holds(session, plan)
    kinds = session.scalars(sa.select(SweepProblem.kind).where(SweepProblem.firm_id == firm_id).distinct())
    plan.aside = set(kinds)
    return plan


def _add_holds(session: Session, plan: Plan) -> None:
    """A decision counts up to when it was made: a clock that had run ahead does not reach into the future."""
    until = sa.case(
        (SweepHold.decided_at < SweepHold.due_until, SweepHold.decided_at), else_=SweepHold.due_until
    )
    rows = session.execute(
        sa.select(
            SweepHold.kind,
            SweepHold.decision,
            sa.func.max(until),
            sa.func.max(SweepHold.row_count),
            sa.func.max(SweepHold.usual),
            sa.func.max(SweepHold.why),
            sa.func.max(sa.case((SweepHold.why == Why.CLOCK.value, SweepHold.decided_at))),
        )
        .where(SweepHold.firm_id == plan.firm_id)
        .group_by(SweepHold.kind, SweepHold.decision)
    )
    for kind, decision, last, count, usual, why, agreed in rows:
        if decision is None:
            plan.open[kind] = Held(Why(why), count, usual, new=False)
            continue
        if agreed is not None:
            plan.reference = max(agreed, plan.reference or agreed)
        plan.cleared[kind] = max(last, plan.cleared.get(kind, last))
        if decision == DISMISSED:
            plan.floor[kind] = last
