"""Ways to break what must be true, each with the number and the sentence that the verifier gives it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import DAY, World
from tests.lifecycle import raw
from webapp.models import AppointmentStatusHistory, OutboxEvent
from webapp.vocabulary import Status

NOBODY = 987_654
HISTORY = AppointmentStatusHistory.__table__
EVENTS = OutboxEvent.__table__

Broken = Callable[[Session, World, dict[Status, int]], Any]


def rewrite(session: Session, number: int, row: int = 1, **values: Any) -> None:
    where = (HISTORY.c.appointment_id == number, HISTORY.c.sequence == row)
    session.execute(sa.update(HISTORY).where(*where).values(**values))


def forget(session: Session, table: sa.Table, number: int) -> None:
    session.execute(sa.delete(table).where(table.c.appointment_id == number))


def moved_to(session: Session, world: World, number: int, **given: Any) -> int:
    """A second successor of the appointment, far from everything else, that is over."""
    link = {"rescheduled_from_id": number, "chain_root_id": number, "chain_position": 2}
    return raw.appointment(
        session, world, Status.CANCELLED, **({"start_time": world.now + 300 * DAY} | link | given)
    )


def word(text: str) -> Any:
    return sa.literal_column(f"'{text}'")


BROKEN: dict[str, tuple[int, str, Broken]] = {
    "a number is left out": (
        1,
        "A history is numbered 1 to n.",
        lambda s, w, of: rewrite(s, of[Status.COMPLETED], 2, sequence=3),
    ),
    "a number comes twice": (
        1,
        "A history is numbered 1 to n.",
        lambda s, w, of: raw.history(s, w, of[Status.CONFIRMED]),
    ),
    "a row starts from elsewhere": (
        1,
        "Each history row starts from the status that the row before led to.",
        lambda s, w, of: rewrite(s, of[Status.COMPLETED], 1, to_status=Status.REQUESTED),
    ),
    "an appointment has no history": (
        1,
        "Every appointment has a history, and its version is not below the number of rows.",
        lambda s, w, of: forget(s, HISTORY, of[Status.CONFIRMED]),
    ),
    "a version is too low": (
        1,
        "Every appointment has a history, and its version is not below the number of rows.",
        lambda s, w, of: raw.change(s, of[Status.COMPLETED], version=1),
    ),
    "a status was set by hand": (
        1,
        "The last history row led to the appointment’s status.",
        lambda s, w, of: raw.change(s, of[Status.CONFIRMED], status=Status.REQUESTED),
    ),
    "a status is no word of the list": (
        1,
        "The last history row led to the appointment’s status.",
        lambda s, w, of: raw.change(s, of[Status.CONFIRMED], status=word("postponed")),
    ),
    "a step is not in the table": (
        2,
        "Every step is in the transition table.",
        lambda s, w, of: rewrite(s, of[Status.COMPLETED], 2, action="approve"),
    ),
    "a terminal status was left": (
        2,
        "Nothing leaves a terminal status but a correction.",
        lambda s, w, of: raw.history(
            s, w, of[Status.CANCELLED], sequence=3, from_status=Status.CANCELLED, action="approve"
        ),
    ),
    "two live appointments overlap": (
        3,
        "Live appointments of one staff user do not overlap, unless double-booked on purpose.",
        lambda s, w, of: raw.appointment(s, w, start_time=w.now + (1 + 28) * DAY),
    ),
    "a long one reaches over a short one": (
        3,
        "Live appointments of one staff user do not overlap, unless double-booked on purpose.",
        lambda s, w, of: [
            raw.appointment(s, w, start_time=w.now + 200 * DAY, end_time=w.now + 201 * DAY),
            raw.appointment(s, w, start_time=w.now + 200 * DAY + timedelta(hours=1)),
            raw.appointment(s, w, start_time=w.now + 200 * DAY + timedelta(hours=9)),
        ],
    ),
    "a moved appointment leads nowhere": (
        4,
        "A rescheduled appointment has a successor.",
        lambda s, w, of: raw.change(s, of[Status.RESCHEDULED] + 1, rescheduled_from_id=None),
    ),
    "a successor of one that was not moved": (
        4,
        "An appointment with a successor is rescheduled.",
        lambda s, w, of: moved_to(s, w, of[Status.CANCELLED]),
    ),
    "two successors": (
        4,
        "An appointment has at most one successor.",
        lambda s, w, of: moved_to(s, w, of[Status.RESCHEDULED]),
    ),
    "a successor in another firm": (
        4,
        "A successor is of the same firm.",
        lambda s, w, of: raw.change(s, of[Status.RESCHEDULED] + 1, firm_id=NOBODY),
    ),
    "a successor that is older": (
        4,
        "A successor is created later.",
        lambda s, w, of: raw.change(s, of[Status.RESCHEDULED] + 1, created_at=w.now - 99 * DAY),
    ),
    "a circle": (
        4,
        "A chain has no circle: each link is one further from the chain’s first booking.",
        lambda s, w, of: raw.change(
            s, of[Status.RESCHEDULED], rescheduled_from_id=of[Status.RESCHEDULED] + 1, chain_position=3
        ),
    ),
    "two live appointments in a chain": (
        4,
        "A chain has at most one live appointment.",
        lambda s, w, of: raw.change(s, of[Status.REQUESTED], chain_root_id=of[Status.CONFIRMED]),
    ),
    "a move that starts nowhere": (
        4,
        "An appointment begins with a move exactly if it is a successor.",
        lambda s, w, of: rewrite(s, of[Status.CONFIRMED], action="reschedule"),
    ),
    "another stamp than the history's": (
        6,
        "completed_at is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.COMPLETED], completed_at=w.now),
    ),
    "another time of cancelling": (
        6,
        "cancelled_at is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.CANCELLED], cancelled_at=w.now + DAY),
    ),
    "another time of moving": (
        6,
        "rescheduled_at is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.RESCHEDULED], rescheduled_at=w.now + DAY),
    ),
    "another time of a no-show": (
        6,
        "no_show_at is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.NO_SHOW], no_show_at=w.now),
    ),
    "another party": (
        6,
        "no_show_party is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.NO_SHOW], no_show_party="both"),
    ),
    "another side": (
        6,
        "cancelled_by is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.CANCELLED], cancelled_by="system"),
    ),
    "another kind": (
        6,
        "cancellation_kind is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.CANCELLED], cancellation_kind="expired"),
    ),
    "another reason": (
        6,
        "status_reason is what the last history row says.",
        lambda s, w, of: raw.change(s, of[Status.CANCELLED], status_reason="Nobody’s business"),
    ),
    "a history row that nobody is told of": (
        7,
        "Every history row has its outbox event; an imported one has none.",
        lambda s, w, of: forget(s, EVENTS, of[Status.CONFIRMED]),
    ),
    "an imported row that everybody is told of": (
        7,
        "Every history row has its outbox event; an imported one has none.",
        lambda s, w, of: rewrite(s, of[Status.CONFIRMED], action="import"),
    ),
    "a history row that is told twice": (
        7,
        "A history row has one outbox event, not several.",
        lambda s, w, of: raw.event(s, w, of[Status.CONFIRMED]),
    ),
    "an event of another transaction": (
        7,
        "A history row and its outbox event were written at the same moment.",
        lambda s, w, of: rewrite(s, of[Status.CONFIRMED], changed_at=w.now + DAY),
    ),
}
ACTORS = {
    "no label": {"actor_label": ""},
    "a blank label": {"actor_label": "  "},
    "no kind": {"actor_kind": None},
    "another kind": {"actor_kind": word("robot")},
    "staff without an account": {"changed_by_id": None},
    "a client with an account": {"actor_kind": "client"},
}
