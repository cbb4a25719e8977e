"""Who hears of a step by mail: what its dialog says before it is taken."""

from dataclasses import dataclass
from typing import Any

from flask import g

from webapp.extensions import db
from webapp.queries import mail
from webapp.vocabulary import MailTemplate


@dataclass(frozen=True, slots=True)
class Telling:
    """``who`` gets a mail (``Ada Byron gets``); where it is empty, ``why_not`` is a sentence."""

    who: str
    why_not: str = ""


def of(appointment: Any, template: MailTemplate) -> Telling:
    """Who gets a mail of this kind about the appointment, if it is sent now."""
    reader = mail.reader(
        db.session(),
        firm_id=appointment.firm_id,
        appointment_id=appointment.appointment_id,
        template=template,
    )
    if reader.switched_off:
        return Telling("", "The firm sends no e-mail of this kind.")
    if appointment.end_time <= g.now and template is not MailTemplate.DECLINED:
        return Telling("", "No e-mail goes out, since the meeting is over.")
    if reader.poll:
        return Telling("Everybody who was asked for a time gets")
    if not reader.email:
        return Telling("", f"{reader.name or 'The client'} has no e-mail address here and hears nothing.")
    return Telling(f"{reader.name} gets")
