"""Signed callbacks from a video provider, per the Standard Webhooks specification (symmetric, ``v1``).

Each firm has a secret of its own, made from the installation's key, so that it need not be stored.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from webapp.lifecycle.errors import DomainError

CONTEXT = b"daybook attendance callback\x00"
TOLERANCE = timedelta(minutes=5)
PREFIX = "whsec_"


class BadSignature(DomainError):
    """The callback is not from who holds the secret, or too old; nothing of it is believed."""


def secret_of(firm_id: int, *, key: str) -> str:
    """The secret to give to the provider, in the specification's form (``whsec_`` and base64)."""
    digest = hmac.new(key.encode(), CONTEXT + str(firm_id).encode(), hashlib.sha256).digest()
    return PREFIX + base64.b64encode(digest).decode()


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now: datetime) -> str:
    """Check ``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``; returns the id.

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
    expected = _signature(secret, message_id, stamp, body)
    marks = [mark.partition(",") for mark in given.split()]
    if not any(version == "v1" and _same(mark, expected) for version, _comma, mark in marks):
        raise BadSignature("webhook-signature does not fit this body and secret.")
    return message_id


def _signature(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
