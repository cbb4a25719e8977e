"""Who is written to, in the same unit of work as the step that it is about.

Held, confirmed and cancelled times are told by the outbox, since they are transitions of an appointment.
"""

from collections.abc import Sequence

from flask import current_app, g

from webapp.delivery import appointment_mail, polls_mail
from webapp.delivery.appointment_mail import Notice
from webapp.extensions import db
from webapp.ui.guards import me
from webapp.vocabulary import MailTemplate


def queue(poll_id: int, invitee_ids: Sequence[int], template: MailTemplate) -> None:
    """Write one mail about the votes to each of these invitees."""
    polls_mail.queue(
        db.session(),
        settings=current_app.config["SETTINGS"],
        poll_id=poll_id,
        invitee_ids=list(invitee_ids),
        template=template,
        now=g.now,
        anew=True,
    )


def ask_again(appointment_id: int, invitee_ids: Sequence[int]) -> None:
    """Write once more to these invitees that the held time waits for their answer."""
    session, settings = db.session(), current_app.config["SETTINGS"]
    facts = appointment_mail.load(session, firm_id=me().firm_id, appointment_id=appointment_id)
    if facts.poll is None:
        return
    asked = appointment_mail.invitees(
        session, facts.poll, settings=settings, now=g.now, silent=True, anew=True
    )
    appointment_mail.write(
        session,
        facts,
        Notice(template=MailTemplate.LAST_CALL),
        [one for one in asked if one.poll_invitee_id in invitee_ids],
        settings=settings,
        key=f"poll-remind:{appointment_id}:{g.now.isoformat(timespec='seconds')}",
        now=g.now,
    )
