"""The status history of an appointment, and the chain that it is part of."""

from typing import Annotated

from pydantic import Field

from webapp.api.shapes import Key, Moment, Named, Told
from webapp.vocabulary import Action, ActorKind, CancelledBy, NoShowParty, Override, Status


class HistoryRow(Told):
    """One transition. ``changed_at`` is when it was recorded, ``occurred_at`` when it is said to have
    happened; ``changed_by`` is null where no member of staff did it. ``overrides`` are limits that staff
    went past.
    """

    appointment: Key
    sequence: Annotated[int, Field(ge=1)]
    action: Action
    from_status: Status | None
    to_status: Status
    reason: str | None
    changed_by: Named | None
    actor_kind: ActorKind
    actor_label: str
    changed_at: Moment
    occurred_at: Moment
    no_show_party: NoShowParty | None
    cancelled_by: CancelledBy | None
    overrides: list[Override]


class HistoryOut(Told):
    """Every transition, the first one first. Rows are never changed and never removed."""

    history: list[HistoryRow]


class ChainMember(Told):
    """One booking of a chain; ``position`` counts from 1."""

    appointment_id: Key
    position: Annotated[int, Field(ge=1)]
    start_time: Moment
    end_time: Moment
    status: Status


class ChainOut(Told):
    """The original and all that it was moved to, in order. ``chain_id`` is the original's number."""

    chain_id: Key
    chain: list[ChainMember]
