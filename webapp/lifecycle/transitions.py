"""The transition table: which action leads where, who may take it, and when it opens. Pure.

Buttons, refusals, the README's diagram and the verifier all follow from ``TABLE``.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from webapp.vocabulary import (
    PERMISSIONS,
    Action,
    ActorKind,
    CancellationKind,
    Permission,
    Role,
    Status,
)


class Opens(Enum):
    """From when an action is possible."""

    ALWAYS = auto()
    FROM_START = auto()
    AFTER_START = auto()
    AFTER_DEADLINE = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table. ``None`` among ``sources`` means that the action creates the appointment."""

    sources: frozenset[Status | None]
    targets: frozenset[Status]
    actors: frozenset[ActorKind]
    permission: Permission = Permission.ACT
    opens: Opens = Opens.ALWAYS
    kind: CancellationKind | None = None


def _rule(
    sources: set[Status | None],
    targets: set[Status],
    actors: set[ActorKind],
    permission: Permission = Permission.ACT,
    opens: Opens = Opens.ALWAYS,
    kind: CancellationKind | None = None,
) -> Rule:
    return Rule(frozenset(sources), frozenset(targets), frozenset(actors), permission, opens, kind)


_STAFF, _CLIENT, _SYSTEM = ActorKind.STAFF, ActorKind.CLIENT, ActorKind.SYSTEM

TABLE: dict[Action, Rule] = {
    Action.REQUEST: _rule({None}, {Status.REQUESTED}, {_STAFF, _CLIENT, _SYSTEM}, Permission.BOOK),
    Action.BOOK: _rule({None}, {Status.CONFIRMED}, {_STAFF}, Permission.BOOK),
    Action.PROPOSE: _rule({None}, {Status.AWAITING_CONFIRMATION}, {_STAFF, _SYSTEM}, Permission.BOOK),
    Action.APPROVE: _rule({Status.REQUESTED}, {Status.CONFIRMED}, {_STAFF}),
    Action.DECLINE: _rule({Status.REQUESTED}, {Status.CANCELLED}, {_STAFF}, kind=CancellationKind.DECLINED),
    Action.EXPIRE: _rule(
        {Status.REQUESTED},
        {Status.CANCELLED},
        {_SYSTEM},
        opens=Opens.AFTER_START,
        kind=CancellationKind.EXPIRED,
    ),
    Action.CONFIRM: _rule({Status.AWAITING_CONFIRMATION}, {Status.CONFIRMED}, {_STAFF, _SYSTEM}),
    Action.TIME_OUT: _rule(
        {Status.AWAITING_CONFIRMATION},
        {Status.CANCELLED},
        {_SYSTEM},
        opens=Opens.AFTER_DEADLINE,
        kind=CancellationKind.TIMED_OUT,
    ),
    Action.CANCEL: _rule(
        {Status.CONFIRMED, Status.AWAITING_CONFIRMATION},
        {Status.CANCELLED},
        {_STAFF, _CLIENT},
        kind=CancellationKind.CANCELLED,
    ),
    Action.RESCHEDULE: _rule(
        {Status.CONFIRMED, None}, {Status.RESCHEDULED, Status.CONFIRMED}, {_STAFF, _CLIENT}
    ),
    Action.COMPLETE: _rule({Status.CONFIRMED}, {Status.COMPLETED}, {_STAFF, _SYSTEM}, opens=Opens.FROM_START),
    Action.MARK_NO_SHOW: _rule(
        {Status.CONFIRMED}, {Status.NO_SHOW}, {_STAFF, _SYSTEM}, opens=Opens.FROM_START
    ),
    Action.CORRECT: _rule(
        {Status.COMPLETED, Status.NO_SHOW},
        {Status.COMPLETED, Status.NO_SHOW},
        {_STAFF},
        Permission.CORRECT,
        Opens.FROM_START,
    ),
    Action.IMPORT: _rule({None}, set(Status) - {Status.RESCHEDULED, Status.AWAITING_CONFIRMATION}, {_SYSTEM}),
}


def is_legal(action: Action, source: Status | None, target: Status) -> bool:
    """Whether the table has this step. A move has exactly two: the original's end, the successor's start."""
    rule = TABLE[action]
    if action is Action.RESCHEDULE:
        return (source, target) in {(Status.CONFIRMED, Status.RESCHEDULED), (None, Status.CONFIRMED)}
    if action is Action.CORRECT and source is Status.COMPLETED and target is Status.COMPLETED:
        return False
    return source in rule.sources and target in rule.targets


def is_open(action: Action, *, start_time: datetime, confirm_by: datetime | None, now: datetime) -> bool:
    """Whether the action's time has come."""
    match TABLE[action].opens:
        case Opens.FROM_START:
            return now >= start_time
        case Opens.AFTER_START:
            return now > start_time
        case Opens.AFTER_DEADLINE:
            return confirm_by is not None and now > confirm_by
        case _:
            return True


def allowed_actions(
    status: Status, *, role: Role, start_time: datetime, now: datetime, correctable: bool = False
) -> list[Action]:
    """What this role can do with an appointment now, in the table's order.

    ``correctable`` says whether the firm's correction window is still open for it.
    """
    return [
        action
        for action, rule in TABLE.items()
        if status in rule.sources
        and ActorKind.STAFF in rule.actors
        and rule.permission in PERMISSIONS[role]
        and is_open(action, start_time=start_time, confirm_by=None, now=now)
        and (action is not Action.CORRECT or correctable)
    ]
