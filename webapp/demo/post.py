"""The demo's mail: written by the same functions as any other, and kept here, whatever mail server is set."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import events, mail, polls_mail
from webapp.lifecycle import transaction
from webapp.lifecycle.polls import drafting
from webapp.models import Firm, OutboxEvent, Poll
from webapp.vocabulary import MailTemplate, PollStatus

FRESH = timedelta(days=2)
TOLD = "It happened before the demo was loaded, so no mail was written."
NAME = "demo"
ROUNDS = 40


def send(session_factory: Callable[[], Session], *, settings: Settings, now: datetime) -> int:
    """Write what the last two days' changes mean to clients; returns how many mails are kept.

    The addresses are nobody's, so nothing is ever handed to a mail server.
    """
    kept = replace(settings, smtp_url="")
    with session_factory() as session:
        transaction.run(session, lambda: _pass_over(session, now))
        transaction.run(session, lambda: _invite(session, kept))
    for _ in range(ROUNDS):
        if not events.handle(session_factory, settings=kept, now=now, worker=NAME):
            break
    total = 0
    while found := mail.deliver(session_factory, settings=kept, now=now, worker=NAME, limit=500):
        total += found
    return total


def _pass_over(session: Session, now: datetime) -> None:
    """Nobody is told today of what happened weeks ago."""
    demos = sa.select(Firm.firm_id).where(Firm.is_demo)
    session.execute(
        sa.update(OutboxEvent)
        .where(
            OutboxEvent.firm_id.in_(demos),
            OutboxEvent.handled_at.is_(None),
            OutboxEvent.created_at < now - FRESH,
        )
        .values(handled_at=now, last_error=TOLD)
        .execution_options(synchronize_session=False)
    )


def _invite(session: Session, settings: Settings) -> None:
    """Everybody asked in a poll that is not over got a mail when it was made."""
    polls: Sequence[Poll] = session.scalars(
        sa.select(Poll)
        .join(Firm, Firm.firm_id == Poll.firm_id)
        .where(Firm.is_demo, Poll.status.in_([PollStatus.OPEN, PollStatus.HELD]))
    ).all()
    for poll in polls:
        polls_mail.queue(
            session,
            settings=settings,
            poll_id=poll.poll_id,
            invitee_ids=drafting.invitee_ids(session, poll),
            template=MailTemplate.POLL,
            now=poll.created_at,
        )
