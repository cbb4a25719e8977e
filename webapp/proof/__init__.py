"""How the history proves itself: the formulas, and a verifier that needs no database.

This folder stands alone. Copied elsewhere it needs Python and, for signatures, the package ``cryptography``.
"""

from .formulas import (
    Booking,
    Entry,
    Seal,
    booking_digest,
    climb,
    digest,
    entry_digest,
    is_signed,
    key_id,
    leaf,
    member,
    members_digest,
    path,
    seal_digest,
    seal_message,
    tree,
    words_digest,
    words_of,
)
from .verifier import Finding, Verifier, check_export, compare, kept_in, read_seals

__all__ = [
    "Booking",
    "Entry",
    "Finding",
    "Seal",
    "Verifier",
    "booking_digest",
    "check_export",
    "climb",
    "compare",
    "digest",
    "entry_digest",
    "is_signed",
    "kept_in",
    "key_id",
    "leaf",
    "member",
    "members_digest",
    "path",
    "read_seals",
    "seal_digest",
    "seal_message",
    "tree",
    "words_digest",
    "words_of",
]
