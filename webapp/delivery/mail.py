"""Sending what waits: claimed by lease, handed over outside any transaction, then marked.

At least once: a worker that dies between the server's answer and the mark leaves a lease that ends, and the
mail goes out again under the same Message-ID. One person's mail about one appointment goes out in the order
in which it was written, and the mail of a poll likewise. A server that cannot be reached fails no mail: what
waits is tried every few minutes until it is back.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from webapp.config import Settings
from webapp.delivery import leases, message, placeholders
from webapp.delivery.smtp import Connection, Later, Never, Unreachable
from webapp.lifecycle import transaction
from webapp.models import Appointment, Firm, MailMessage
from webapp.vocabulary import MailState

MOST_TRIES = 12
KEEP_TRYING = timedelta(days=4)  # at least so long (RFC 5321, 4.5.4.1)
LONGEST_OUTAGE_WAIT = timedelta(minutes=15)
LONGEST_RUN = 60  # seconds after which no further mail is begun

SessionFactory = Callable[[], Session]
Earlier = aliased(MailMessage, name="earlier")
Kin = aliased(Appointment, name="kin")

log = logging.getLogger(__name__)


def deliver(
    session_factory: SessionFactory,
    *,
    settings: Settings,
    now: datetime,
    worker: str,
    limit: int = 50,
    stop: Callable[[], bool] = lambda: False,
) -> int:
    """Send up to ``limit`` mails that are due; returns how many were sent (or kept, without a mail server).

    A server that does not answer ends the run after one mail: the others wait for the next, untried.

    Args:
        worker: unique among all workers that run.
        stop: asked before each mail; True ends the run after the one in hand.
    """
    if not settings.smtp_url:
        with session_factory() as session:
            return transaction.run(session, lambda: _keep(session, now, limit))
    begun = time.monotonic()
    sent = 0
    with Connection(settings.smtp_url) as server:
        for _ in range(limit):
            spent = time.monotonic() - begun
            if stop() or spent > LONGEST_RUN:
                break
            try:
                done = _next(session_factory, server, settings, worker, lambda: now + _since(begun))
            except Unreachable:
                break
            if done is None:
                break
            sent += done
    return sent


def _since(begun: float) -> timedelta:
    """How long the run has taken: a slow server must not let claims end early."""
    return timedelta(seconds=time.monotonic() - begun)


def _next(
    session_factory: SessionFactory,
    server: Connection,
    settings: Settings,
    worker: str,
    moment: Callable[[], datetime],
) -> bool | None:
    """Claim one mail, send it, mark it; None when none is due.

    Raises:
        Unreachable: there is no server to talk to; the mail was put off.
    """
    with session_factory() as session:
        claimed = transaction.run(session, lambda: _claim(session, settings, worker, moment()))
        if claimed is None:
            return None
        number, letter, problem = claimed
        # committed: nothing is open while the server is spoken to
        refusal: Exception | None = Never(problem) if problem else None
        if letter is not None:
            refusal = _hand_over(server, letter)
        transaction.run(session, lambda: _mark(session, number, worker, refusal, moment()))
    if isinstance(refusal, Unreachable):
        raise refusal
    return refusal is None


def _hand_over(server: Connection, letter: EmailMessage) -> Exception | None:
    try:
        server.send(letter)
    except Exception as refusal:
        if not isinstance(refusal, Later | Never | Unreachable):
            log.exception("a mail could not be sent")
        return refusal
    return None


def _keep(session: Session, now: datetime, limit: int) -> int:
    """Without a mail server nothing waits: it is kept where a person can read it."""
    due = sa.select(MailMessage.mail_message_id).where(
        MailMessage.state == MailState.WAITING, MailMessage.due_at <= now
    )
    kept = session.execute(
        sa.update(MailMessage)
        .where(MailMessage.mail_message_id.in_(due.order_by(MailMessage.due_at).limit(limit)))
        .values(state=MailState.KEPT, leased_until=None, leased_by=None)
        .returning(MailMessage.mail_message_id)
        .execution_options(synchronize_session=False)
    )
    return len(kept.all())


def _claim(
    session: Session, settings: Settings, worker: str, moment: datetime
) -> tuple[int, EmailMessage | None, str] | None:
    """Take the mail that has been due longest: its number, the message, or why there can be none."""
    found = session.execute(
        sa.select(MailMessage, Firm.name)
        .join(Firm, Firm.firm_id == MailMessage.firm_id)
        .outerjoin(Appointment, Appointment.appointment_id == MailMessage.appointment_id)
        .where(
            MailMessage.state == MailState.WAITING,
            MailMessage.due_at <= moment,
            sa.or_(MailMessage.leased_until.is_(None), MailMessage.leased_until <= moment),
            ~_waits(),
        )
        .order_by(MailMessage.due_at, MailMessage.mail_message_id)
        .limit(1)
        .with_for_update(of=MailMessage, skip_locked=True)
    ).one_or_none()
    if found is None:
        return None
    mail, firm = found
    mail.leased_until, mail.leased_by = leases.expires(moment), worker
    session.flush()
    try:
        bodies = placeholders.filled(session, mail, firm_id=mail.firm_id, secret=settings.secret_key)
        return mail.mail_message_id, message.build(mail, bodies, firm=firm, settings=settings), ""
    except Exception as error:
        log.exception("mail %s cannot be written", mail.mail_message_id)
        return mail.mail_message_id, None, str(error) or type(error).__name__


def _waits() -> sa.ColumnElement[bool]:
    """Whether the same person has earlier mail waiting about this appointment's chain, or about this poll."""
    root = sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id)
    moved = (
        sa.select(Kin.appointment_id)
        .where(Kin.firm_id == MailMessage.firm_id, Kin.chain_root_id == root)
        .correlate(MailMessage, Appointment)
    )
    return (
        sa.exists()
        .where(
            Earlier.firm_id == MailMessage.firm_id,
            Earlier.state == MailState.WAITING,
            Earlier.recipient == MailMessage.recipient,
            Earlier.mail_message_id < MailMessage.mail_message_id,
            sa.or_(
                Earlier.poll_id == MailMessage.poll_id,
                Earlier.appointment_id == root,
                Earlier.appointment_id.in_(moved),
            ),
        )
        .correlate(MailMessage, Appointment)
    )


def _mark(session: Session, number: int, worker: str, refusal: Exception | None, moment: datetime) -> None:
    """Write down what the server said, if this worker still holds the mail."""
    mail = session.scalars(
        sa.select(MailMessage)
        .where(
            MailMessage.mail_message_id == number,
            MailMessage.state == MailState.WAITING,
            MailMessage.leased_by == worker,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if mail is None:
        return
    mail.leased_until = mail.leased_by = None
    mail.attempts += 1
    mail.last_error = None if refusal is None else _told(refusal)
    if refusal is None:
        mail.state, mail.sent_at = MailState.SENT, moment
    elif isinstance(refusal, Never) or (not isinstance(refusal, Unreachable) and _given_up(mail, moment)):
        mail.state = MailState.FAILED
    else:
        longest = LONGEST_OUTAGE_WAIT if isinstance(refusal, Unreachable) else leases.LONGEST_WAIT
        mail.due_at = moment + leases.wait(mail.attempts, number, longest)


def _given_up(mail: MailMessage, moment: datetime) -> bool:
    return mail.attempts >= MOST_TRIES and moment - mail.created_at > KEEP_TRYING


def _told(refusal: Exception) -> str:
    if isinstance(refusal, Later | Never | Unreachable):
        return str(refusal)[: leases.ERROR_LENGTH].replace("\x00", "")
    return leases.sentence(refusal)
