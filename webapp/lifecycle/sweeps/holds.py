"""What a manager does with what the fuse held back."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.conflicts import local_of
from webapp.lifecycle.errors import Forbidden, Missing, NotAllowed
from webapp.lifecycle.sweeps.plan import DISMISSED, RELEASED
from webapp.models import SweepHold
from webapp.vocabulary import Permission, SweepKind

DISMISSIBLE = frozenset({SweepKind.COMPLETE, SweepKind.NO_SHOW})


def release(session: Session, hold_id: int, *, actor: Actor, now: datetime) -> SweepHold:
    """Let the next sweeps decide the rows that were due when they were held back.

    Raises:
        Forbidden: the actor's role does not include the firm's settings.
        Missing: the firm has no such hold.
        NotAllowed: somebody has decided already; the sentence says who and when.
    """
    return _decide(session, hold_id, RELEASED, actor, now)


def dismiss(session: Session, hold_id: int, *, actor: Actor, now: datetime) -> SweepHold:
    """Leave those rows to people. What falls due later is decided as usual. Raises what release raises.

    Only outcomes can be left: a request or a proposal whose time is over would hold its slot for ever.
    """
    return _decide(session, hold_id, DISMISSED, actor, now)


def _decide(session: Session, hold_id: int, decision: str, actor: Actor, now: datetime) -> SweepHold:
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include this step. Ask a manager to do it.")
    decided = session.execute(
        sa.update(SweepHold)
        .where(
            SweepHold.firm_id == actor.firm_id,
            SweepHold.sweep_hold_id == hold_id,
            SweepHold.decision.is_(None),
        )
        .values(decision=decision, decided_at=now, decided_by_id=actor.staff_user_id, decided_by=actor.label)
        .returning(SweepHold.sweep_hold_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    hold = session.scalar(
        sa.select(SweepHold)
        .where(SweepHold.firm_id == actor.firm_id, SweepHold.sweep_hold_id == hold_id)
        .execution_options(populate_existing=True)
    )
    if hold is None:
        raise Missing("There is nothing held back under that number.")
    if decision == DISMISSED and hold.kind not in DISMISSIBLE:
        raise NotAllowed("These are over and cannot be left as they are. Release them.")
    if decided is None:
        when = local_of(session, actor.firm_id).day_time(hold.decided_at or now)
        raise NotAllowed(f"{hold.decided_by} {hold.decision} these, {when}.")
    audit.note(
        session,
        actor=actor,
        subject="sweep_hold",
        subject_id=hold_id,
        action=decision,
        changed={"kind": [None, hold.kind.value], "row_count": [None, hold.row_count]},
        now=now,
    )
    return hold
