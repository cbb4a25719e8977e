"""Sealing and checking a small firm's history in tests."""

from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from tests.factories import World
from webapp import proof
from webapp.lifecycle import sealing
from webapp.lifecycle.seal_keys import trusted
from webapp.queries import proofs

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = trusted(KEY)


def seal_all(session: Session, world: World, *, now: datetime | None = None) -> int:
    """Seal what waits, at once, and commit; returns how many entries."""
    done = sealing.seal(session, world.firm.firm_id, key=KEY, now=now or world.now, at_once=True)
    session.commit()
    return done


def adopt_all(session: Session, world: World) -> int:
    """Give every row that has none its digest, as it was found, and commit; returns how many were seen."""
    total = 0
    while done := sealing.adopt(session, world.firm.firm_id):
        total += done
        session.commit()
    session.commit()
    return total


def check(
    session: Session, firm_id: int, *, kept: Mapping[int, proof.Seal] | None = None
) -> tuple[list[proof.Finding], proof.Verifier]:
    """The findings, and what the verifier counted."""
    *findings, seen = proofs.verify(session, firm_id=firm_id, keys=KEYS, kept=kept)
    assert isinstance(seen, proof.Verifier)
    return [finding for finding in findings if isinstance(finding, proof.Finding)], seen
