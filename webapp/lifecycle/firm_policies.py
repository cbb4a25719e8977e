"""What a firm lets time do: outcomes that nobody entered, reminders, and the links that clients get."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle import audit, callbacks
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden
from webapp.lifecycle.firm_settings import SUBJECT, Group, within
from webapp.models import Firm
from webapp.vocabulary import OutcomePolicy, Permission

COMPLETE_AFTER = (0, 7 * 24 * 60)  # minutes after the end
NO_SHOW_AFTER = (5, 24 * 60)  # minutes after the start
REMINDER_HOURS = (0, 14 * 24)  # before the start; 0 is off
LAST_CALL_HOURS = (0, 7 * 24)  # before the deadline; 0 is off


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeValues(Group):
    """What becomes of a meeting that nobody entered an outcome for. Both times are minutes."""

    ACTION: ClassVar[str] = "change outcomes"

    complete_after: int
    completion_policy: OutcomePolicy
    no_show_after: int
    no_show_policy: OutcomePolicy

    def checked(self) -> Self:
        within(self.complete_after, COMPLETE_AFTER, "complete_after", "minutes")
        within(self.no_show_after, NO_SHOW_AFTER, "no_show_after", "minutes")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachValues(Group):
    """How clients hear of their appointments. Hours before the start or the deadline; 0 is off."""

    ACTION: ClassVar[str] = "change reminders"

    reminder_hours: int
    last_call_hours: int
    client_links: bool

    def checked(self) -> Self:
        within(self.reminder_hours, REMINDER_HOURS, "reminder_hours", "hours")
        within(self.last_call_hours, LAST_CALL_HOURS, "last_call_hours", "hours")
        return self


SHOW_SECRET, RENEW_SECRET = "show callback secret", "renew callback secret"


def reveal_secret(session: Session, *, actor: Actor, key: str, now: datetime) -> str:
    """The secret that signs attendance callbacks; that it was shown is noted.

    Raises:
        Forbidden: the role does not include the settings.
    """
    firm = _firm_of(session, actor)
    _note_secret(session, actor, SHOW_SECRET, now)
    return callbacks.secret_of(firm.firm_id, key=key, turn=firm.callback_round)


def renew_secret(session: Session, *, actor: Actor, now: datetime) -> None:
    """Give the firm another secret; the one until now is good for ``callbacks.OVERLAP`` more.

    Raises:
        Forbidden: the role does not include the settings.
    """
    firm = _firm_of(session, actor)
    firm.callback_round += 1
    firm.callback_renewed_at = now
    _note_secret(session, actor, RENEW_SECRET, now)


def _firm_of(session: Session, actor: Actor) -> Firm:
    """The actor's firm, locked."""
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include the settings.")
    return session.scalars(
        sa.select(Firm)
        .where(Firm.firm_id == actor.firm_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _note_secret(session: Session, actor: Actor, action: str, now: datetime) -> None:
    audit.note(
        session, actor=actor, subject=SUBJECT, subject_id=actor.firm_id, action=action, changed={}, now=now
    )
