"""The invariants as questions: each a sentence and the SQL that finds the rows of which it is not true."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import InstrumentedAttribute

from webapp.lifecycle.transitions import TABLE, is_legal
from webapp.models import Appointment, AppointmentStatusHistory, Base, OutboxEvent
from webapp.vocabulary import LIVE, Action, ActorKind, CancellationKind, Status

Question = tuple[int, str, Any]
"""Number, the sentence that should be true, and the statement that finds rows of which it is not."""
Condition = sa.ColumnElement[bool]

TERMINAL = [status.value for status in Status if status not in LIVE]
STAMPS: tuple[tuple[InstrumentedAttribute[Any], Status], ...] = (
    (Appointment.rescheduled_at, Status.RESCHEDULED),
    (Appointment.cancelled_at, Status.CANCELLED),
    (Appointment.cancellation_kind, Status.CANCELLED),
    (Appointment.cancelled_by, Status.CANCELLED),
    (Appointment.completed_at, Status.COMPLETED),
    (Appointment.no_show_at, Status.NO_SHOW),
    (Appointment.no_show_party, Status.NO_SHOW),
)


@lru_cache(maxsize=1)
def questions() -> tuple[Question, ...]:
    """Every question, by number."""
    return tuple(_questions())


def _questions() -> Iterator[Question]:
    yield from _sequence()
    yield from _steps()
    yield from _slots()
    yield from _chains()
    yield from _stamps()
    yield from _replay()
    yield from _outbox()
    yield from _foreign_keys()
    yield from _actors()


def _word(column: Any) -> Any:
    """A column of a word list as plain text: a word that is not in the list must not stop the check."""
    return sa.type_coerce(column, sa.String)


def _row(model: Any, *more: Any) -> sa.Select[Any]:
    return sa.select(model.firm_id, model.appointment_id, *more)


def _last() -> sa.Subquery:
    """Per appointment: how many history rows it has and the number of the last."""
    history = AppointmentStatusHistory
    return (
        sa.select(
            history.firm_id,
            history.appointment_id,
            sa.func.count().label("rows"),
            sa.func.max(history.sequence).label("sequence"),
        )
        .group_by(history.firm_id, history.appointment_id)
        .subquery("last")
    )


def _of(model: Any, other: Any) -> Condition:
    """The two rows are about the same appointment."""
    return sa.and_(model.firm_id == other.firm_id, model.appointment_id == other.appointment_id)


def _sequence() -> Iterator[Question]:
    history = AppointmentStatusHistory
    order: dict[str, Any] = {
        "partition_by": [history.firm_id, history.appointment_id],
        "order_by": [history.sequence, history.history_id],
    }
    walked = _row(
        history,
        history.sequence,
        _word(history.from_status).label("from_status"),
        sa.func.row_number().over(**order).label("expected"),
        sa.func.lag(_word(history.to_status)).over(**order).label("status_before"),
    ).subquery()
    yield 1, "A history is numbered 1 to n.", sa.select(walked).where(walked.c.sequence != walked.c.expected)
    yield (
        1,
        "Each history row starts from the status that the row before led to.",
        sa.select(walked).where(walked.c.from_status.is_distinct_from(walked.c.status_before)),
    )
    last = _last()
    yield (
        1,
        "Every appointment has a history, and its version is not below the number of rows.",
        _row(Appointment, Appointment.version, last.c.rows)
        .outerjoin(last, _of(Appointment, last.c))
        .where(sa.or_(last.c.rows.is_(None), Appointment.version < last.c.rows)),
    )
    yield (
        1,
        "The last history row led to the appointment’s status.",
        _with_last_row().where(
            _word(Appointment.status).is_distinct_from(_word(AppointmentStatusHistory.to_status))
        ),
    )


def _with_last_row() -> sa.Select[Any]:
    history, last = AppointmentStatusHistory, _last()
    return (
        _row(
            Appointment,
            _word(Appointment.status).label("status"),
            _word(history.to_status).label("to_status"),
            history.sequence,
        )
        .join(last, _of(Appointment, last.c))
        .join(history, sa.and_(_of(history, last.c), history.sequence == last.c.sequence))
    )


def _steps() -> Iterator[Question]:
    history = AppointmentStatusHistory
    source = sa.func.coalesce(_word(history.from_status), "")
    step = _word(history.action) + "/" + source + "/" + _word(history.to_status)
    legal = [
        f"{action}/{from_status or ''}/{to_status}"
        for action in Action
        for from_status in (None, *Status)
        for to_status in Status
        if is_legal(action, from_status, to_status)
    ]
    found = _row(history, history.sequence, step.label("step"))
    yield 2, "Every step is in the transition table.", found.where(step.not_in(legal))
    yield (
        2,
        "Nothing leaves a terminal status but a correction.",
        found.where(source.in_(TERMINAL), _word(history.action) != Action.CORRECT.value),
    )


def _slots() -> Iterator[Question]:
    earlier = sa.func.max(Appointment.end_time).over(
        partition_by=[Appointment.firm_id, Appointment.staff_user_id],
        order_by=[Appointment.start_time, Appointment.appointment_id],
        rows=(None, -1),
    )
    held = (
        _row(Appointment, Appointment.staff_user_id, Appointment.start_time, earlier.label("held_until"))
        .where(_is_live(Appointment), sa.not_(Appointment.overbooked))
        .subquery()
    )
    yield (
        3,
        "Live appointments of one staff user do not overlap, unless double-booked on purpose.",
        sa.select(held).where(held.c.start_time < held.c.held_until),
    )


def _is_live(model: Any) -> Condition:
    condition: Condition = _word(model.status).in_([status.value for status in LIVE])
    return condition


def _chains() -> Iterator[Question]:
    successor, history = aliased(Appointment), aliased(AppointmentStatusHistory)
    moved = _word(Appointment.status) == Status.RESCHEDULED.value
    pair = _row(
        Appointment, _word(Appointment.status).label("status"), successor.appointment_id.label("successor_id")
    )
    # Joined by the number alone: a successor in another firm must be seen, not missed.
    linked = successor.rescheduled_from_id == Appointment.appointment_id
    yield (
        4,
        "A rescheduled appointment has a successor.",
        pair.outerjoin(successor, linked).where(moved, successor.appointment_id.is_(None)),
    )
    yield (
        4,
        "An appointment with a successor is rescheduled.",
        pair.join(successor, linked).where(sa.not_(moved)),
    )
    yield (
        4,
        "An appointment has at most one successor.",
        _row(Appointment, sa.func.count().label("successors"))
        .join(successor, linked)
        .group_by(Appointment.firm_id, Appointment.appointment_id)
        .having(sa.func.count() > 1),
    )
    yield (
        4,
        "A successor is of the same firm.",
        pair.join(successor, linked).where(successor.firm_id != Appointment.firm_id),
    )
    yield (
        4,
        "A successor is created later.",
        pair.join(successor, linked).where(successor.created_at < Appointment.created_at),
    )
    # Positions that rise by one along every link cannot come round in a circle.
    root = sa.func.coalesce(Appointment.chain_root_id, Appointment.appointment_id)
    yield (
        4,
        "A chain has no circle: each link is one further from the chain’s first booking.",
        pair.join(successor, linked).where(
            sa.or_(
                successor.chain_position != Appointment.chain_position + 1,
                successor.chain_root_id.is_distinct_from(root),
            )
        ),
    )
    yield (
        4,
        "A chain has at most one live appointment.",
        sa.select(Appointment.firm_id, root.label("chain_id"), sa.func.count().label("live"))
        .where(_is_live(Appointment))
        .group_by(Appointment.firm_id, root)
        .having(sa.func.count() > 1),
    )
    yield (
        4,
        "An appointment begins with a move exactly if it is a successor.",
        _row(Appointment, _word(history.action).label("action"), Appointment.rescheduled_from_id)
        .join(history, sa.and_(_of(history, Appointment), history.sequence == 1))
        .where(
            (_word(history.action) == Action.RESCHEDULE.value) != Appointment.rescheduled_from_id.is_not(None)
        ),
    )


def _stamps() -> Iterator[Question]:
    for column, status in STAMPS:
        yield (
            5,
            f"{column.key} is set exactly if the status is {status}.",
            _row(
                Appointment, _word(Appointment.status).label("status"), _word(column).label(column.key)
            ).where((_word(Appointment.status) == status.value) != column.is_not(None)),
        )


def _replay() -> Iterator[Question]:
    """The last history row alone decides: each step sets its own stamp and clears all others."""
    history = AppointmentStatusHistory
    for column in (
        Appointment.rescheduled_at,
        Appointment.cancelled_at,
        Appointment.completed_at,
        Appointment.no_show_at,
    ):
        status = dict(STAMPS)[column]
        yield (
            6,
            f"{column.key} is what the last history row says.",
            _with_last_row().where(
                _word(history.to_status) == status.value, column.is_distinct_from(history.occurred_at)
            ),
        )
    carried: tuple[tuple[InstrumentedAttribute[Any], Any], ...] = (
        (Appointment.no_show_party, _word(history.no_show_party)),
        (Appointment.cancelled_by, _word(history.cancelled_by)),
        (Appointment.cancellation_kind, _kind_of(history)),
        (Appointment.status_reason, history.reason),
    )
    for fact, recorded in carried:
        yield (
            6,
            f"{fact.key} is what the last history row says.",
            _with_last_row().where(_word(fact).is_distinct_from(recorded)),
        )


def _kind_of(history: Any) -> Any:
    """Which way of cancelling the row stands for; an imported one counts as cancelled."""
    kinds = {action.value: rule.kind.value for action, rule in TABLE.items() if rule.kind}
    kinds[Action.IMPORT.value] = CancellationKind.CANCELLED.value
    kind = sa.case(kinds, value=_word(history.action), else_=None)
    return sa.case((_word(history.to_status) == Status.CANCELLED.value, kind), else_=None)


def _outbox() -> Iterator[Question]:
    history, event = AppointmentStatusHistory, OutboxEvent
    same = sa.and_(_of(history, event), history.sequence == event.sequence)
    found = _row(history, history.sequence, _word(history.action).label("action"))
    imported = _word(history.action) == Action.IMPORT.value
    yield (
        7,
        "Every history row has its outbox event; an imported one has none.",
        found.outerjoin(event, same).where(imported == event.sequence.is_not(None)),
    )
    yield (
        7,
        "A history row has one outbox event, not several.",
        found.join(event, same)
        .group_by(history.firm_id, history.appointment_id, history.sequence, history.action)
        .having(sa.func.count() > 1),
    )
    yield (
        7,
        "A history row and its outbox event were written at the same moment.",
        found.join(event, same).where(event.created_at != history.changed_at),
    )


def _foreign_keys() -> Iterator[Question]:
    """Every reference of the schema, looked up together with its firm."""
    for table in Base.metadata.sorted_tables:
        for key in sorted(table.foreign_key_constraints, key=lambda key: list(key.column_keys)):
            parent = key.referred_table.alias("parent")
            pairs = [(element.parent, parent.c[element.column.name]) for element in key.elements]
            found = sa.exists().where(*(child == column for child, column in pairs)).correlate(table)
            columns = dict.fromkeys([table.c.firm_id, *table.primary_key, *(child for child, _ in pairs)])
            yield (
                10,
                f"{table.name}.{key.column_keys[-1]} names a {key.referred_table.name} of the same firm.",
                sa.select(*columns).where(*(child.is_not(None) for child, _ in pairs), sa.not_(found)),
            )


def _actors() -> Iterator[Question]:
    history = AppointmentStatusHistory
    kind = _word(history.actor_kind)
    yield (
        11,
        "Every history row names an actor: a staff user by account, a client or the system by label.",
        _row(history, history.sequence, kind.label("actor_kind"), history.actor_label).where(
            sa.or_(
                kind.not_in([word.value for word in ActorKind]),
                kind.is_(None),
                sa.func.length(sa.func.trim(sa.func.coalesce(history.actor_label, ""))) == 0,
                (kind == ActorKind.STAFF.value) != history.changed_by_id.is_not(None),
            )
        ),
    )
