"""What people do with written mail: let it go out again, take it as a file, switch kinds of it off."""

from datetime import datetime
from email.message import EmailMessage

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import message, placeholders
from webapp.lifecycle import audit
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden, Invalid, Missing
from webapp.models import Appointment, Firm, MailMessage, MailSwitch
from webapp.queries.mail import chain
from webapp.vocabulary import MailState, MailTemplate, Permission

SUBJECT = "mail"
SWITCH = "mail_switch"


def resend(
    session: Session,
    *,
    actor: Actor,
    mail_message_id: int,
    settings: Settings,
    now: datetime,
    about: int | None = None,
) -> str:
    """Let a mail go out again, under the same Message-ID; notes who asked. Returns the recipient.

    Args:
        about: the appointment about whose chain it must be; who acts on appointments may then send it, where
            otherwise it takes the settings.

    Raises:
        Forbidden: the role does not include it.
        Missing: there is no such mail in the firm.
        Invalid: there is no mail server, or the mail waits already.
    """
    if not actor.can(Permission.ACT if about else Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include sending mail again.")
    wanted = sa.select(MailMessage).where(
        MailMessage.firm_id == actor.firm_id, MailMessage.mail_message_id == mail_message_id
    )
    if about:
        wanted = wanted.where(MailMessage.appointment_id.in_(chain(actor.firm_id, about)))
    mail = session.scalars(
        wanted.with_for_update(of=MailMessage).execution_options(populate_existing=True)
    ).one_or_none()
    if mail is None:
        raise Missing("There is no such mail.")
    if not settings.smtp_url:
        raise Invalid("No mail server is set, so this mail can only be read or downloaded here.")
    if mail.state is MailState.WAITING:
        raise Invalid("This mail waits to be sent already. Its page shows when the next try is.")
    before = mail.state
    mail.state, mail.sent_at, mail.last_error = MailState.WAITING, None, None
    mail.attempts, mail.due_at, mail.leased_until, mail.leased_by = 0, now, None, None
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=mail_message_id,
        action="resend",
        changed={"state": [before.value, MailState.WAITING.value]},
        now=now,
    )
    return mail.recipient


def resend_failed(session: Session, *, actor: Actor, settings: Settings, now: datetime) -> int:
    """Let all go out again that was tried in vain, unless its meeting is over; returns how many.

    Raises:
        Forbidden: the role does not include it.
        Invalid: there is no mail server.
    """
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include sending mail again.")
    if not settings.smtp_url:
        raise Invalid("No mail server is set, so mail can only be read or downloaded here.")
    over = sa.exists().where(
        Appointment.firm_id == MailMessage.firm_id,
        Appointment.appointment_id == MailMessage.appointment_id,
        Appointment.end_time <= now,
    )
    again = session.execute(
        sa.update(MailMessage)
        .where(
            MailMessage.firm_id == actor.firm_id,
            MailMessage.state == MailState.FAILED,
            MailMessage.attempts > 0,  # others were never tried: they came too late
            ~over,
        )
        .values(state=MailState.WAITING, attempts=0, due_at=now, last_error=None)
        .returning(MailMessage.mail_message_id)
        .execution_options(synchronize_session=False)
    )
    count = len(again.all())
    if count:
        audit.note(
            session,
            actor=actor,
            subject=SUBJECT,
            subject_id=actor.firm_id,
            action="resend_failed",
            changed={"count": [0, count]},
            now=now,
        )
    return count


def letter(session: Session, *, firm_id: int, mail_message_id: int, settings: Settings) -> EmailMessage:
    """The message as it goes, or went, over the wire.

    Raises:
        Missing: there is no such mail in the firm.
        BadAddress: it can never go, because its address is none.
    """
    mail = session.scalars(
        sa.select(MailMessage).where(
            MailMessage.firm_id == firm_id, MailMessage.mail_message_id == mail_message_id
        )
    ).one_or_none()
    if mail is None:
        raise Missing("There is no such mail.")
    bodies = placeholders.filled(session, mail, firm_id=firm_id, secret=settings.secret_key)
    return message.build(mail, bodies, firm=session.get_one(Firm, firm_id).name, settings=settings)


def switch(session: Session, *, actor: Actor, template: MailTemplate, on: bool, now: datetime) -> bool:
    """Let a kind of mail be written, or not; notes who did. False when it was so already.

    What was written before still goes out.

    Raises:
        Forbidden: the role does not include the settings.
    """
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include the settings.")
    session.scalars(sa.select(Firm.firm_id).where(Firm.firm_id == actor.firm_id).with_for_update()).one()
    off = session.get(MailSwitch, (actor.firm_id, template))
    if on is (off is None):
        return False
    if off is None:
        session.add(MailSwitch(firm_id=actor.firm_id, template=template))
    else:
        session.delete(off)
    audit.note(
        session,
        actor=actor,
        subject=SWITCH,
        subject_id=actor.firm_id,
        action="switch",
        changed={template.value: [not on, on]},
        now=now,
    )
    return True
