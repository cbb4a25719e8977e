"""A kept mail as the message on the wire (RFC 5322). The same row always has the same Message-ID."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from webapp.config import Settings
from webapp.delivery import cleaning, letters
from webapp.delivery.placeholders import Bodies
from webapp.models import MailMessage

MAILBOX = re.compile(r"[^\s@<>()\[\]\",:;\\\x00-\x1f\x7f]+@[^\s@<>()\[\]\",:;\\\x00-\x1f\x7f]+")
# What means something beside an address (RFC 5322, 3.2.3), and the length up to which a name may hold it: the
# library takes the quotes off a name that it has to break into lines.
SPECIALS = re.compile(r'[()<>\[\]:;@\\,"]')
QUOTED_LENGTH = 50


class BadAddress(Exception):
    """An address that no mail can be sent to, or from."""


def message_id(mail: MailMessage, settings: Settings) -> str:
    """``<mail-7.1768298400@desk.example.com>``: the same for every try, so that readers can drop a double.

    When it was written is part of it: a database that was begun anew counts from 1 again.
    """
    return f"<mail-{mail.mail_message_id}.{int(mail.created_at.timestamp())}@{letters.host(settings)}>"


def build(mail: MailMessage, bodies: Bodies, *, firm: str, settings: Settings) -> EmailMessage:
    """The whole message: text, HTML and calendar as alternatives, and the calendar as a file beside them.

    Args:
        bodies: what it says, with its links; see :func:`webapp.delivery.placeholders.filled`.

    Raises:
        BadAddress: the recipient's address, or the sender's, is none.
    """
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = message_id(mail, settings)
    message["Date"] = format_datetime(mail.created_at)
    message["From"] = _address(f"{firm} via Daybook", settings.mail_from)
    message["To"] = _address(mail.recipient_name, mail.recipient)
    message["Subject"] = _unencoded(mail.subject, cleaning.SUBJECT_LENGTH)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine replies
    message.set_content(bodies.text, cte="quoted-printable")
    message.add_alternative(bodies.html, subtype="html", cte="quoted-printable")
    if bodies.calendar and mail.calendar_method:
        _attach(message, bodies.calendar, mail.calendar_method)
    return message


def _attach(message: EmailMessage, calendar: str, method: str) -> None:
    message.add_alternative(calendar, subtype="calendar", cte="base64", params={"method": method})
    message.add_attachment(
        calendar.encode(), maintype="application", subtype="ics", filename="appointment.ics"
    )


def _address(name: str, address: str) -> Address:
    """A mailbox; the domain in ASCII, so that only a local part beyond it asks for SMTPUTF8."""
    user, _at, domain = address.rpartition("@")
    shown = _unencoded(name)
    if len(shown) > QUOTED_LENGTH:
        shown = " ".join(SPECIALS.sub(" ", shown).split()).lstrip(". ")
    try:
        if not MAILBOX.fullmatch(address):
            raise ValueError("not a mailbox")
        return Address(shown, user, domain.encode("idna").decode())
    except (ValueError, UnicodeError) as error:
        raise BadAddress(f"{address!r} is not an address that mail can be sent to.") from error


def _unencoded(text: str, limit: int = cleaning.NAME_LENGTH) -> str:
    """One line in which nothing looks like an encoded word (RFC 2047).

    The library would decode what somebody typed in that shape, line breaks and all, into the header.
    """
    return cleaning.line(text, limit).replace("=?", "= ?")
