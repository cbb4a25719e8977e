"""The secrets that sign webhooks, per the Standard Webhooks specification (symmetric, ``v1``).

Each endpoint has one of its own, made from the installation's key, so that it need not be stored. For a day
after a rotation the one before signs too, so that a receiver may change over when it suits.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

CONTEXT = b"daybook webhook endpoint\x00"
OVERLAP = timedelta(hours=24)
PREFIX = "whsec_"


def secret_of(webhook_endpoint_id: int, *, key: str, turn: int) -> str:
    """The secret to give to the receiver, in the specification's form (``whsec_`` and base64 of 32 bytes).

    Args:
        turn: how often it was rotated.
    """
    named = f"{webhook_endpoint_id}/{turn}".encode()
    digest = hmac.new(key.encode(), CONTEXT + named, hashlib.sha256).digest()
    return PREFIX + base64.b64encode(digest).decode()


def signing_secrets(
    webhook_endpoint_id: int, *, key: str, turn: int, turned_at: datetime | None, now: datetime
) -> list[str]:
    """The secrets that sign at this instant, the newest first: one, or two within a day of a rotation."""
    turns = [turn]
    if turn and turned_at is not None and now < turned_at + OVERLAP:
        turns.append(turn - 1)
    return [secret_of(webhook_endpoint_id, key=key, turn=each) for each in turns]
