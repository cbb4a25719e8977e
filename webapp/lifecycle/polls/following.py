"""Keeping a poll in step with its appointment, wherever that was confirmed or called off."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.polls import base
from webapp.models import Appointment, Poll
from webapp.vocabulary import CancellationKind, PollStatus, Status


def follow(session: Session, appointment: Appointment, *, actor: Actor, now: datetime) -> None:
    """After a transition: the poll that holds this appointment is confirmed, called off or out of time too.

    So it does when the appointment has been moved: a poll's appointment begins its chain. A poll that has
    given the appointment up is not touched. One look-up by index for any other appointment.
    """
    poll = session.scalars(
        sa.select(Poll)
        .where(
            Poll.firm_id == appointment.firm_id,
            Poll.appointment_id == (appointment.chain_root_id or appointment.appointment_id),
            Poll.status.in_([PollStatus.HELD, PollStatus.CONFIRMED]),
        )
        .with_for_update()
    ).one_or_none()
    if poll is None:
        return
    reached = _status_after(appointment)
    if reached is None or reached is poll.status:
        return
    base.write(session, poll, status=reached, status_reason=appointment.status_reason)
    base.note(session, poll, actor=actor, action=reached.value, now=now, changed=_why(appointment))


def _status_after(appointment: Appointment) -> PollStatus | None:
    if appointment.status is Status.CONFIRMED:
        return PollStatus.CONFIRMED
    if appointment.status is Status.CANCELLED:
        timed_out = appointment.cancellation_kind is CancellationKind.TIMED_OUT
        return PollStatus.TIMED_OUT if timed_out else PollStatus.CANCELLED
    return None


def _why(appointment: Appointment) -> dict[str, list[str | None]]:
    return {"reason": [None, appointment.status_reason]} if appointment.status_reason else {}
