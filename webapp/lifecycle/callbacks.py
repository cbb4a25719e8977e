"""Signed callbacks from a video provider, per the Standard Webhooks specification (symmetric, ``v1``).

Each firm has a secret of its own, made from the installation's key, so that it need not be stored. Renewing
it is counting its round on; the secret of the round before is good for a day more, so that no call is lost
while the provider is given the new one.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from webapp.lifecycle.errors import DomainError

CONTEXT = b"daybook attendance callback\x00"
TOLERANCE = timedelta(minutes=5)
OVERLAP = timedelta(days=1)
PREFIX = "whsec_"


class BadSignature(DomainError):
    """The callback is not from who holds the secret, or too old; nothing of it is believed."""


def secret_of(firm_id: int, *, key: str, turn: int = 0) -> str:
    """The secret to give to the provider, in the specification's form (``whsec_`` and base64).

    Args:
        turn: how often the firm has renewed it.
    """
    named = f"{firm_id}/{turn}" if turn else str(firm_id)
    digest = hmac.new(key.encode(), CONTEXT + named.encode(), hashlib.sha256).digest()
    return PREFIX + base64.b64encode(digest).decode()


def good_secrets(
    firm_id: int, *, key: str, turn: int, renewed_at: datetime | None, now: datetime
) -> list[str]:
    """The secrets that sign at this instant: the firm's, and for a day after a renewal the one before."""
    turns = [turn]
    if turn and renewed_at is not None and now < renewed_at + OVERLAP:
        turns.append(turn - 1)
    return [secret_of(firm_id, key=key, turn=each) for each in turns]


def verify(headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], now: datetime) -> str:
    """Check ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; returns the id.

    Any of the secrets may have signed it, and any of the signatures given may be the one that fits.

    Raises:
        BadSignature: with a sentence that says what is missing or wrong, never what would be right.
    """
    named = {name.lower(): value for name, value in headers.items()}
    message_id = named.get("webhook-id", "")
    stamp = named.get("webhook-timestamp", "")
    given = named.get("webhook-signature", "")
    if not (message_id and stamp and given):
        raise BadSignature("Send the headers webhook-id, webhook-timestamp and webhook-signature.")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise BadSignature("webhook-timestamp must be whole seconds since 1970.")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise BadSignature("webhook-timestamp is more than five minutes away from this clock.")
    expected = [signature(secret, message_id, stamp, body) for secret in secrets]
    marks = [each.removeprefix("v1,") for each in given.split() if each.startswith("v1,")]
    if not any(_same(mark, fits) for mark in marks for fits in expected):
        raise BadSignature("webhook-signature does not fit this body and secret.")
    return message_id


def signature(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    """The specification's signature in base64, without its ``v1,``. ``stamp``: seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
