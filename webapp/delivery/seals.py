"""A worker's turns at the seals: give old rows their digests, seal what waits; keep the seals outside."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.config import Settings
from webapp.delivery import seal_files
from webapp.lifecycle import sealing, transaction
from webapp.lifecycle.seal_keys import signing_key
from webapp.queries import proofs

MOST_SEALS = 50  # of a firm in one turn


def folder(settings: Settings) -> Path:
    """Where this machine keeps the seals."""
    return settings.instance_path / "seals"


def make(
    sessions: Callable[[], Session],
    *,
    settings: Settings,
    now: datetime,
    stop: Callable[[], bool],
    at_once: bool = False,
) -> dict[str, int]:
    """One turn at every firm; returns what was done as counts of rows and seals.

    Args:
        at_once: seal also what could still wait for more.
    """
    key = signing_key(settings.seal_key, secret_key=settings.secret_key)
    counts = {"adopted": 0, "sealed": 0}
    with sessions() as session:
        due = sealing.firms(session)
    for firm_id in due:
        adopt = partial(sealing.adopt, firm_id=firm_id)
        seal = partial(sealing.seal, firm_id=firm_id, key=key, now=now, at_once=at_once)
        for _ in range(MOST_SEALS):
            if stop():
                return counts
            adopted, sealed = _commit(sessions, adopt), _commit(sessions, seal)
            counts["adopted"] += adopted
            counts["sealed"] += sealed
            if not adopted and not sealed:
                break
    return counts


def _commit(sessions: Callable[[], Session], work: Callable[[Session], int]) -> int:
    with sessions() as session:
        return transaction.run(session, lambda: work(session))


def keep(sessions: Callable[[], Session], settings: Settings) -> int:
    """Append every seal that this machine does not keep yet to its files; returns how many."""
    kept = 0
    with sessions() as session:
        newest = sealing.newest(session)
        for firm_id, number in newest.items():
            path = seal_files.file_of(folder(settings), firm_id)
            last = seal_files.last_kept(path)
            if number > last:
                kept += seal_files.keep(path, proofs.seals(session, firm_id=firm_id, after=last))
    return kept
