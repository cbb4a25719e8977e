"""What a firm lets time do: outcomes that nobody entered, reminders, and the links that clients get."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from sqlalchemy.orm import Session

from webapp.lifecycle import audit, callbacks
from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Forbidden
from webapp.lifecycle.firm_settings import SUBJECT, Group, within
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


def reveal_secret(session: Session, *, actor: Actor, key: str, now: datetime) -> str:
    """The secret that signs attendance callbacks; that it was shown is noted.

    Raises:
        Forbidden: the role does not include the settings.
    """
    if not actor.can(Permission.MANAGE_SETTINGS):
        raise Forbidden("Your role does not include the settings.")
    audit.note(
        session,
        actor=actor,
        subject=SUBJECT,
        subject_id=actor.firm_id,
        action="show callback secret",
        changed={},
        now=now,
    )
    return callbacks.secret_of(actor.firm_id, key=key)
