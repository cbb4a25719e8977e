"""The headers of a webhook, per the Standard Webhooks specification."""

from collections.abc import Sequence
from datetime import datetime

from webapp.lifecycle.callbacks import signature


def headers(message_id: str, body: bytes, *, secrets: Sequence[str], moment: datetime) -> dict[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``, one signature for each secret.

    Args:
        moment: of this try; receivers refuse what is some minutes old.
    """
    stamp = str(int(moment.timestamp()))
    marks = (f"v1,{signature(secret, message_id, stamp, body)}" for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(marks),
    }
