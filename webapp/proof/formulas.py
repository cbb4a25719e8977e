"""The formulas of the proof: digests of entries and bookings, the tree over them, what a seal signs.

Every digest is SHA-256 in hexadecimal over netstrings (https://cr.yp.to/proto/netstrings.txt): each field
as its length in bytes, a colon, its UTF-8, a comma; a field without a value is ``-,``. The first field names
what it is. Instants are UTC, written ``2026-01-13 10:00:00.000000``. A seal's root is the Merkle tree hash of
RFC 9162, section 2.1.1, over the entries' digests; its signature is Ed25519 (RFC 8032) over its netstrings.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Field = str | int | None
CLIENT = "client"
PREFIX = 16  # hexadecimal digits of an entry's digest that a seal's list of members shows
DIGEST = re.compile("[0-9a-f]{64}")


class Booking(NamedTuple):
    """What an appointment is for as long as it exists: whose, when, and after which."""

    firm_id: int
    appointment_id: int
    appointment_type_id: int
    staff_user_id: int
    start_time: str
    end_time: str
    rescheduled_from_id: int | None
    chain_position: int
    created_at: str


class Entry(NamedTuple):
    """One row of the history. ``waiting``: it awaits its seal. ``legacy``: it is older than its digest."""

    firm_id: int
    appointment_id: int
    sequence: int
    action: str
    from_status: str | None
    to_status: str
    no_show_party: str | None
    cancelled_by: str | None
    overrides: str | None
    changed_by_id: int | None
    actor_kind: str
    actor_label: str
    changed_at: str
    occurred_at: str
    reason: str | None = None
    legacy: bool = False
    words_salt: str | None = None
    erased_words: str | None = None
    entry_hash: str | None = None
    waiting: bool = False


class Seal(NamedTuple):
    """A signed root over entries of one firm. ``previous`` is the digest of the seal before.

    ``members`` names the entries in order, each as :func:`member` does, with spaces between them. A seal that
    is shown to somebody who may not see them has their SHA-256 in its place.
    """

    firm_id: int
    number: int
    members: str
    root: str
    previous: str | None
    sealed_at: str
    key_id: str
    signature: str = ""


def netstrings(*fields: Field) -> bytes:
    """The fields as the bytes that are hashed or signed."""
    parts = []
    for field in fields:
        if field is None:
            parts.append(b"-,")
        else:
            raw = str(field).encode()
            parts.append(b"%d:%b," % (len(raw), raw))
    return b"".join(parts)


def digest(kind: str, *fields: Field) -> str:
    """SHA-256 over the netstrings of a kind and its fields."""
    return hashlib.sha256(netstrings(kind, *fields)).hexdigest()


def booking_digest(booking: Booking) -> str:
    """What the first entry of an appointment refers to as its predecessor."""
    return digest("daybook booking 1", *booking)


def words_digest(salt: str | None, reason: str | None, client: str | None) -> str | None:
    """The commitment to what people wrote, which outlives the words; None where there are none.

    Args:
        client: the actor's label where the actor is a client. The name of staff is part of the entry itself.
    """
    if reason is None and client is None:
        return None
    return digest("daybook words 1", salt, reason, client)


def words_of(entry: Entry) -> str | None:
    """The commitment of an entry, from its words or, where these were erased, as it was kept."""
    if entry.erased_words is not None:
        return entry.erased_words
    client = entry.actor_label if entry.actor_kind == CLIENT else None
    return words_digest(entry.words_salt, entry.reason, client)


def entry_digest(previous: str, entry: Entry) -> str:
    """The digest of an entry after its predecessor's (or, for the first, the booking's)."""
    staff = None if entry.actor_kind == CLIENT else entry.actor_label
    return digest(
        "daybook entry 1", previous, *entry[:11], staff, *entry[12:14], int(entry.legacy), words_of(entry)
    )


def is_digest(text: str | None) -> TypeGuard[str]:
    """Whether a text is a SHA-256 in lower-case hexadecimal."""
    return text is not None and DIGEST.fullmatch(text) is not None


def leaf(entry_hash: str) -> bytes:
    """An entry's digest as a leaf of the tree."""
    return hashlib.sha256(b"\x00" + bytes.fromhex(entry_hash)).digest()


def tree(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves: the left half is the largest power of two that is smaller than the whole."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + tree(leaves[:half]) + tree(leaves[half:])).digest()


def path(leaves: Sequence[bytes], place: int) -> list[tuple[str, str]]:
    """What leads from one leaf to the root: each step's side (``left``, ``right``) and neighbour, upwards."""
    if len(leaves) == 1:
        return []
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    if place < half:
        return [*path(leaves[:half], place), ("right", tree(leaves[half:]).hex())]
    return [*path(leaves[half:], place - half), ("left", tree(leaves[:half]).hex())]


def climb(entry_hash: str, steps: Iterable[Sequence[str]]) -> str:
    """The root to which a leaf's path leads."""
    node = leaf(entry_hash)
    for side, other in steps:
        pair = bytes.fromhex(other) + node if side == "left" else node + bytes.fromhex(other)
        node = hashlib.sha256(b"\x01" + pair).digest()
    return node.hex()


def member(appointment_id: int, sequence: int, entry_hash: str) -> str:
    """An entry as a seal names it."""
    return f"{appointment_id}.{sequence}:{entry_hash[:PREFIX]}"


def seal_message(seal: Seal) -> bytes:
    """What is signed. The members go in by their digest."""
    return netstrings("daybook seal 1", seal.firm_id, seal.number, members_digest(seal), *seal[3:7])


def members_digest(seal: Seal) -> str:
    """The SHA-256 of the list of members, also where it stands in the list's place."""
    listed = seal.members
    return listed if is_digest(listed) else hashlib.sha256(listed.encode()).hexdigest()


def seal_digest(seal: Seal) -> str:
    """What the next seal refers to."""
    return hashlib.sha256(seal_message(seal)).hexdigest()


def key_id(public: bytes) -> str:
    """The name of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def is_signed(seal: Seal, keys: Mapping[str, bytes]) -> bool:
    """Whether a trusted key (raw public keys by their names) made the seal's signature."""
    public = keys.get(seal.key_id)
    if public is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(bytes.fromhex(seal.signature), seal_message(seal))
    except (InvalidSignature, ValueError):
        return False
    return True
