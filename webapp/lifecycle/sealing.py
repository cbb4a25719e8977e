"""Seals over the history, made beside the work and not in its way, and digests for rows that have none yet.

Every function works on one firm in the caller's transaction; nothing here commits. Of two workers that come
to the same firm, one passes by.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, cast

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from webapp import proof
from webapp.lifecycle import digests, rowsets
from webapp.lifecycle.seal_keys import public_key
from webapp.models import AppointmentStatusHistory, Firm, HistoryAdoption, HistorySeal, HistoryUnsealed

MOST = 1000  # entries under one seal
LONGEST = timedelta(minutes=1)  # that an entry waits while there are fewer
ADOPT = 1000  # rows that are looked through at a time
ROWS: rowsets.Columns = {"number": rowsets.INTEGER, "entry_hash": rowsets.TEXT, "words_salt": rowsets.TEXT}

HISTORY = cast(sa.Table, AppointmentStatusHistory.__table__)
WAITING = cast(sa.Table, HistoryUnsealed.__table__)


def firms(session: Session) -> Sequence[int]:
    """The firms of which something awaits a seal or a digest."""
    waiting = sa.select(WAITING.c.firm_id)
    behind = sa.select(HistoryAdoption.firm_id).where(HistoryAdoption.done_id < HistoryAdoption.last_id)
    return sorted(session.scalars(waiting.union(behind)))


def newest(session: Session) -> dict[int, int]:
    """The number of the last seal of every firm that has one."""
    last = sa.select(sa.func.max(HistorySeal.number)).where(HistorySeal.firm_id == Firm.firm_id)
    found = session.execute(sa.select(Firm.firm_id, last.correlate(Firm).scalar_subquery()))
    return {firm_id: number for firm_id, number in found if number is not None}


def seal(
    session: Session, firm_id: int, *, key: Ed25519PrivateKey, now: datetime, at_once: bool = False
) -> int:
    """Seal the firm's oldest waiting entries, if there are ``MOST`` or one has waited ``LONGEST``.

    Args:
        at_once: also if there are few and none has waited long.

    Returns:
        How many entries lie under the new seal; 0 where there is none.
    """
    if not _is_mine(session, firm_id):
        return 0
    rows = session.execute(_waiting(firm_id)).all()
    ripe = len(rows) >= MOST or any(row.changed_at <= now - LONGEST for row in rows)
    if not rows or not (ripe or at_once):
        return 0
    made = _signed(_last(session, firm_id), firm_id, rows, key, now)
    values = made._asdict() | {"entry_count": len(rows), "sealed_at": now}
    values |= {"first_id": rows[0].history_id, "last_id": rows[-1].history_id}
    session.execute(sa.insert(HistorySeal), values)
    sealed = WAITING.c.history_id.in_([row.history_id for row in rows])
    session.execute(sa.delete(WAITING).where(WAITING.c.firm_id == firm_id, sealed))
    return len(rows)


def _is_mine(session: Session, firm_id: int) -> bool:
    """Whether no other worker is at this firm; it stays so until the transaction ends."""
    mine = sa.select(Firm.firm_id).where(Firm.firm_id == firm_id)
    return session.scalar(mine.with_for_update(key_share=True, skip_locked=True)) is not None


def _waiting(firm_id: int) -> sa.Select[Any]:
    """The first in the queue, cut off before they are looked up: no plan then reads the whole history."""
    row = HISTORY.c
    first = sa.select(WAITING.c.history_id).where(WAITING.c.firm_id == firm_id)
    queue = first.order_by(WAITING.c.history_id).limit(MOST).subquery()
    return (
        sa.select(row.history_id, row.appointment_id, row.sequence, row.entry_hash, row.changed_at)
        .join_from(queue, HISTORY, queue.c.history_id == row.history_id)
        .where(row.firm_id == firm_id)
        .order_by(row.history_id)
    )


def _last(session: Session, firm_id: int) -> proof.Seal | None:
    found = session.scalar(
        sa.select(HistorySeal)
        .where(HistorySeal.firm_id == firm_id)
        .order_by(HistorySeal.number.desc())
        .limit(1)
    )
    return as_proof(found) if found else None


def as_proof(row: Any) -> proof.Seal:
    """A stored seal as it is checked and exported."""
    values = {name: getattr(row, name) for name in proof.Seal._fields}
    return proof.Seal(**values | {"sealed_at": rowsets.stored(row.sealed_at)})


def _signed(
    last: proof.Seal | None, firm_id: int, rows: Sequence[Any], key: Ed25519PrivateKey, now: datetime
) -> proof.Seal:
    unsigned = proof.Seal(
        firm_id=firm_id,
        number=last.number + 1 if last else 1,
        members=" ".join(proof.member(row.appointment_id, row.sequence, row.entry_hash) for row in rows),
        root=proof.tree([proof.leaf(row.entry_hash) for row in rows]).hex(),
        previous=proof.seal_digest(last) if last else None,
        sealed_at=rowsets.stored(now),
        key_id=proof.key_id(public_key(key)),
    )
    return unsigned._replace(signature=key.sign(proof.seal_message(unsigned)).hex())


def adopt(session: Session, firm_id: int, *, limit: int = ADOPT) -> int:
    """Give the firm's next rows that are older than their digests one, as they are found.

    Returns:
        How many rows were looked through; 0 when all have one.
    """
    if not _is_mine(session, firm_id):
        return 0
    adoption = session.get(HistoryAdoption, firm_id, populate_existing=True)
    if adoption is None or adoption.done_id >= adoption.last_id:
        return 0
    row = HISTORY.c
    due = sa.select(row.history_id, row.appointment_id).where(
        row.firm_id == firm_id, row.history_id > adoption.done_id, row.history_id <= adoption.last_id
    )
    found = session.execute(due.order_by(row.history_id).limit(limit)).all()
    if found:
        _hash(session, firm_id, {each.appointment_id for each in found})
    adoption.done_id = found[-1].history_id if len(found) == limit else adoption.last_id
    session.flush()
    return len(found)


def _hash(session: Session, firm_id: int, appointment_ids: set[int]) -> None:
    """Give every row of these appointments that has no digest its own, and queue it for a seal."""
    row = HISTORY.c
    begun = digests.bookings(session, firm_id, appointment_ids)
    entries = session.connection().execute(
        sa.select(HISTORY)
        .where(row.firm_id == firm_id, row.appointment_id.in_(appointment_ids))
        .order_by(row.appointment_id, row.sequence)
    )
    made: list[tuple[int, str, str | None]] = []
    for number, steps in groupby(
        map(dict, entries.mappings()), key=lambda step: cast(int, step["appointment_id"])
    ):
        previous = begun[number]
        for step in steps:
            if step["entry_hash"] is None:
                made.append((step["history_id"], *digests.entry(previous, step, legacy=True)))
            previous = step["entry_hash"] or made[-1][1]
    dialect = session.get_bind().dialect.name
    given = rowsets.table(dialect, "hashed", ROWS)
    values = {"entry_hash": given.c.entry_hash, "words_salt": given.c.words_salt, "legacy": sa.true()}
    rows = {"hashed_rows": rowsets.encode(dialect, ROWS, made)}
    connection = session.connection()
    connection.execute(sa.update(HISTORY).where(row.history_id == given.c.number).values(values), rows)
    queued = sa.select(given.c.number, sa.literal(firm_id)).where(
        given.c.number.not_in(sa.select(WAITING.c.history_id))
    )
    connection.execute(sa.insert(WAITING).from_select(["history_id", "firm_id"], queued), rows)


def adopt_now(session: Session, firm_id: int, appointment_ids: Collection[int]) -> bool:
    """Adopt these appointments' rows without waiting for the worker's turn.

    Returns:
        Whether all may be: False where one is younger than the digests and nobody has vouched for it.
    """
    session.scalar(sa.select(Firm.firm_id).where(Firm.firm_id == firm_id).with_for_update(key_share=True))
    row = HISTORY.c
    lacking = session.scalar(
        sa.select(sa.func.max(row.history_id)).where(
            row.firm_id == firm_id, row.appointment_id.in_(appointment_ids), row.entry_hash.is_(None)
        )
    )
    if lacking is None:
        return True
    adoption = session.get(HistoryAdoption, firm_id, populate_existing=True)
    if adoption is None or lacking > adoption.last_id:
        return False
    _hash(session, firm_id, set(appointment_ids))
    return True


def accept(session: Session, firm_id: int) -> int:
    """Let all rows of the firm that have no digest be adopted, also those written since there are digests.

    Somebody who runs the installation says by this that they are genuine: an older version wrote them beside
    the new one, or they came by SQL.

    Returns:
        How many rows have no digest.
    """
    row = HISTORY.c
    lacking = session.execute(
        sa.select(sa.func.count(), sa.func.min(row.history_id), sa.func.max(row.history_id)).where(
            row.firm_id == firm_id, row.entry_hash.is_(None)
        )
    ).one()
    count, first, last = lacking
    if count:
        session.merge(HistoryAdoption(firm_id=firm_id, last_id=last, done_id=first - 1))
        session.flush()
    return int(count)
