"""Writing mail to somebody about something: who gets it, in whose zone, and its one row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import cleaning
from webapp.delivery.rendering import Rendered, Words, render
from webapp.localtime import Local
from webapp.models import Firm, MailMessage, MailSwitch
from webapp.vocabulary import Answer, MailState, MailTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A firm as its mail needs it."""

    firm_id: int
    name: str
    local: Local
    client_links: bool = True
    is_demo: bool = False

    @classmethod
    def of(cls, firm: Firm) -> "House":
        local = Local.named(firm.timezone, twelve_hour=firm.twelve_hour, month_first=firm.month_first)
        return cls(
            firm_id=firm.firm_id,
            name=cleaning.line(firm.name),
            local=local,
            client_links=firm.client_links,
            is_demo=firm.is_demo,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who gets a mail. ``link`` is their personal address with a placeholder, empty where there is none;
    ``answer`` is what an invitee of a poll said of the time that is held.
    """

    name: str
    email: str
    timezone: str | None = None
    link: str = ""
    poll_invitee_id: int | None = None
    answer: Answer | None = None

    @property
    def key(self) -> str:
        """Short and stable, for the key that keeps a mail from being written twice."""
        return f"invitee-{self.poll_invitee_id}" if self.poll_invitee_id else "client"

    def local(self, house: House) -> Local:
        """The recipient's clock: their own zone, else the firm's."""
        try:
            return house.local.elsewhere(self.timezone) if self.timezone else house.local
        except (KeyError, ValueError, OSError):
            return house.local


def interval(local: Local, start: datetime, end: datetime) -> str:
    """``Tue 13 Jan 2026, 14:00–14:45``."""
    return f"{local.full_day(local.day_of(start))}, {local.range(start, end)}"


@dataclass(frozen=True, slots=True)
class Times:
    """An interval in words, see :class:`Words`."""

    short: str
    when: str
    zone: str
    elsewhere: str


def times(house: House, recipient: Recipient, start: datetime, end: datetime) -> Times:
    """The words for an interval on the recipient's clock, and on the firm's where that shows another time."""
    local = recipient.local(house)
    differs = local.at(start).utcoffset() != house.local.at(start).utcoffset()
    zone = house.local.zone_label(start)
    return Times(
        short=local.day_time(start),
        when=interval(local, start, end),
        zone=local.zone_label(start),
        elsewhere=f"{interval(house.local, start, end)}, {zone}" if differs else "",
    )


def is_off(session: Session, firm_id: int, template: MailTemplate) -> bool:
    """Whether the firm switched this kind of mail off."""
    return session.get(MailSwitch, (firm_id, template)) is not None


def write(
    session: Session,
    *,
    settings: Settings,
    house: House,
    recipient: Recipient,
    template: MailTemplate,
    words: Words,
    dedup_key: str,
    now: datetime,
    appointment_id: int | None = None,
    poll_id: int | None = None,
    calendar: tuple[str, str] | None = None,
    problem: str = "",
) -> bool:
    """Render a mail and keep it in the caller's transaction; False when it was written before.

    Without a mail server, and at a demo firm, whose people do not exist, it is kept in the outbox; otherwise
    it waits for the next delivery. With a ``problem`` it is one that was not sent.
    """
    done: Rendered = render(template, words)
    text, method = calendar or (None, None)
    row: dict[str, Any] = {
        "firm_id": house.firm_id,
        "appointment_id": appointment_id,
        "poll_id": poll_id,
        "template": template,
        "dedup_key": dedup_key,
        "recipient_name": recipient.name,
        "recipient": recipient.email,
        "subject": done.subject,
        "text_body": done.text,
        "html_body": done.html,
        "calendar": text,
        "calendar_method": method,
        "state": MailState.FAILED if problem else _first_state(settings, house),
        "last_error": problem or None,
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    written = session.execute(
        insert(MailMessage).values(row).on_conflict_do_nothing().returning(MailMessage.mail_message_id)
    )
    return written.one_or_none() is not None


def _first_state(settings: Settings, house: House) -> MailState:
    return MailState.WAITING if settings.smtp_url and not house.is_demo else MailState.KEPT


def host(settings: Settings) -> str:
    """The name that message and calendar ids carry after their @."""
    return urlsplit(settings.base_url).hostname or "localhost"
