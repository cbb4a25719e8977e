"""How many wrong passwords somebody may try. Counted per e-mail address and per network address.

The table knows neither: it keeps an HMAC of them under the installation's secret, so that a copy of the
database does not tell who tried to sign in, or from where.
"""

import hashlib
import hmac
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.lifecycle.errors import DomainError
from webapp.models import SignInFailure

WINDOW = timedelta(minutes=15)
PER_EMAIL = 5
PER_ADDRESS = 30


class TooManyTries(DomainError):
    """The limit is reached; ``wait`` is whole minutes, at least 1."""

    def __init__(self, wait: int) -> None:
        self.wait = wait
        minutes = "1 minute" if wait == 1 else f"{wait} minutes"
        super().__init__(f"There were too many tries to sign in. Wait {minutes}, then try again.")


@dataclass(frozen=True, slots=True)
class Subjects:
    """The two keyed hashes that a try counts against."""

    email: str
    address: str

    @property
    def account(self) -> str:
        """For logs: the same for the same address, and nobody's without the installation's key."""
        return self.email[:12]

    @classmethod
    def of(cls, secret: str, *, email: str, address: str) -> "Subjects":
        return cls(_keyed(secret, "email", email), _keyed(secret, "address", _network(address)))


def _network(address: str) -> str:
    """What one visitor cannot change at will: an IPv4 address, or the first 64 bits of an IPv6 one."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    mapped = known.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((known, 64), strict=False))


def _keyed(secret: str, kind: str, value: str) -> str:
    text = f"sign-in {kind}: {value}".encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def count_try(session: Session, subjects: Subjects, now: datetime) -> None:
    """Count a try before its password is looked at, so that tries made together do not slip past the limit.

    A refused try is not counted: who waits as long as told gets in.

    Raises:
        TooManyTries: the e-mail address had 5, or the network address 30, failures in 15 minutes.
    """
    session.execute(sa.delete(SignInFailure).where(SignInFailure.failed_at <= now - WINDOW))
    limits = ((subjects.email, PER_EMAIL), (subjects.address, PER_ADDRESS))
    for subject, _limit in limits:
        _one_at_a_time(session, subject)
    waits = [_wait(session, subject, limit, now) for subject, limit in limits]
    if any(waits):
        raise TooManyTries(max(waits))
    session.add_all(SignInFailure(subject=subject, failed_at=now) for subject, _limit in limits)
    session.flush()


def _one_at_a_time(session: Session, subject: str) -> None:
    """Until this transaction ends, nobody else counts this subject. A writer on SQLite is alone as it is."""
    if session.get_bind().dialect.name == "postgresql":
        key = int(subject[:15], 16)
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.cast(key, sa.BigInteger))))


def _wait(session: Session, subject: str, limit: int, now: datetime) -> int:
    """Minutes until one more try is allowed; 0 is now."""
    deciding = session.scalar(
        sa.select(SignInFailure.failed_at)
        .where(SignInFailure.subject == subject, SignInFailure.failed_at > now - WINDOW)
        .order_by(SignInFailure.failed_at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    return 0 if deciding is None else max(1, math.ceil((deciding + WINDOW - now) / timedelta(minutes=1)))


def forgive(session: Session, subjects: Subjects, now: datetime) -> None:
    """After a right password: forget the address's failures by e-mail, and the one try just counted."""
    session.execute(sa.delete(SignInFailure).where(SignInFailure.subject == subjects.email))
    last = (
        sa.select(sa.func.max(SignInFailure.sign_in_failure_id))
        .where(SignInFailure.subject == subjects.address, SignInFailure.failed_at == now)
        .scalar_subquery()
    )
    session.execute(sa.delete(SignInFailure).where(SignInFailure.sign_in_failure_id == last))
