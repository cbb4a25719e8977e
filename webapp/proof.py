"""How the history proves itself: the formulas, and a verifier that needs no database.

This file stands alone. Copied elsewhere it needs Python and, for signatures, the package ``cryptography``;
``python proof.py EXPORT --key PUBLIC_KEY`` checks what ``daybook audit export`` has written.

Every digest is SHA-256 in hexadecimal over netstrings (https://cr.yp.to/proto/netstrings.txt): each field
as its length in bytes, a colon, its UTF-8, a comma; a field without a value is ``-,``. The first field names
what it is. Instants are UTC, written ``2026-01-13 10:00:00.000000``. A seal's root is the Merkle tree hash of
RFC 9162, section 2.1.1, over the entries' digests; its signature is Ed25519 (RFC 8032) over its netstrings.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Field = str | int | None
CLIENT = "client"
PREFIX = 16  # hexadecimal digits of an entry's digest that a seal's list of members shows
DIGEST = re.compile("[0-9a-f]{64}")
MEMBER = re.compile("([1-9][0-9]{0,18})[.]([1-9][0-9]{0,5}):([0-9a-f]{16})")
SEQUENCES = 1 << 20  # more entries than any appointment has


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

    ``members`` names the entries in order, each as :func:`member` does, with spaces between them.
    """

    firm_id: int
    number: int
    members: str
    root: str
    previous: str | None
    sealed_at: str
    key_id: str
    signature: str = ""


class Finding(NamedTuple):
    """Something that is not as it was recorded: of which firm, where, and what."""

    firm_id: int
    place: str
    sentence: str


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
    members = hashlib.sha256(seal.members.encode()).hexdigest()
    return netstrings("daybook seal 1", seal.firm_id, seal.number, members, *seal[3:7])


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


class Verifier:
    """Checks the history of one firm: first every appointment, then every seal, then :meth:`finish`.

    ``entries``, ``sealed``, ``waiting``, ``legacy``, ``imported`` and ``erased`` count what was seen.
    """

    def __init__(self, firm_id: int, keys: Mapping[str, bytes]) -> None:
        self.firm_id = firm_id
        self.keys = keys
        self.entries = self.sealed = self.waiting = self.legacy = self.imported = self.erased = self.seals = 0
        self._open: dict[int, str] = {}
        self._in_seal: set[int] = set()
        self._waiting: set[int] = set()
        self._before: str | None = None

    def __str__(self) -> str:
        return (
            f"Firm {self.firm_id}: {self.entries} entries, {self.sealed} under {self.seals} seals, "
            f"{self.waiting} waiting; {self.legacy} as found, {self.imported} imported, {self.erased} erased."
        )

    def appointment(self, booking: Booking | None, entries: Sequence[Entry]) -> Iterator[Finding]:
        """One appointment with its entries by sequence. ``booking`` None: the appointment itself is gone."""
        number = entries[0].appointment_id
        if booking is None:
            yield self._at(number, None, "The appointment is gone; entries of it are left.")
        start = booking_digest(booking) if booking else ""
        previous, expected, adopted = start, 1, False
        for entry in entries:
            self._count(entry)
            if entry.sequence != expected:
                yield self._at(number, expected, "The entry is missing.")
            if entry.entry_hash is None and not (entry.legacy and entry.waiting):
                yield self._at(
                    number, entry.sequence, "The entry has no digest: it was not written by Daybook."
                )
            elif booking is not None and entry.entry_hash is not None:
                yield from self._entry(
                    entry, [previous, start] if adopted and not entry.legacy else [previous]
                )
            previous, expected, adopted = entry.entry_hash or "", entry.sequence + 1, entry.legacy

    def _entry(self, entry: Entry, before: list[str]) -> Iterator[Finding]:
        wordless = entry.reason is None and (entry.actor_kind != CLIENT or entry.erased_words is not None)
        if (entry.words_salt is not None) == wordless or (entry.erased_words and entry.reason is not None):
            yield self._at(entry.appointment_id, entry.sequence, "The words do not stand as they were left.")
        if all(entry_digest(each, entry) != entry.entry_hash for each in before):
            what = "The entry, or the booking that it begins with," if entry.sequence == 1 else "The entry"
            yield self._at(entry.appointment_id, entry.sequence, f"{what} is not what was recorded.")

    def _count(self, entry: Entry) -> None:
        key = entry.appointment_id * SEQUENCES + entry.sequence
        self._open[key] = entry.entry_hash if is_digest(entry.entry_hash) else ""
        self.entries += 1
        self.legacy += entry.legacy
        self.imported += entry.action == "import"
        self.erased += entry.erased_words is not None
        if entry.waiting:
            self._waiting.add(key)

    def seal(self, seal: Seal) -> Iterator[Finding]:
        """The firm's next seal, by number."""
        place = f"seal {seal.number}"
        self.seals += 1
        if seal.number != self.seals:
            yield Finding(self.firm_id, f"seal {self.seals}", "The seal is missing.")
            self.seals = seal.number
        elif seal.previous != self._before:
            yield Finding(self.firm_id, place, "The seal does not follow the one before it.")
        if not is_signed(seal, self.keys):
            yield Finding(self.firm_id, place, "No trusted key has signed the seal as it stands.")
        self._before = seal_digest(seal)
        yield from self._members(seal, place)

    def _members(self, seal: Seal, place: str) -> Iterator[Finding]:
        leaves: list[bytes] = []
        whole = True
        for named in seal.members.split(" "):
            read = MEMBER.fullmatch(named)
            if read is None:
                yield Finding(self.firm_id, place, "The seal's list of entries cannot be read.")
                return
            appointment, sequence = int(read[1]), int(read[2])
            key = appointment * SEQUENCES + sequence
            found = self._open.get(key)
            self._in_seal.add(key)
            if found is None:
                whole = False
                yield self._at(appointment, sequence, f"The entry is gone; it is in {place}.")
            elif found[:PREFIX] != read[3]:
                whole = False
                yield self._at(appointment, sequence, f"The entry was rewritten after {place}.")
            else:
                leaves.append(leaf(found))
        if whole and (not leaves or tree(leaves).hex() != seal.root):
            yield Finding(self.firm_id, place, "The root of the seal is not that of its entries.")

    def finish(self) -> Iterator[Finding]:
        """After the last seal: entries that neither lie under a seal nor await one."""
        self.sealed = len(self._in_seal)
        self.waiting = len(self._waiting)
        for key in sorted(self._open.keys() - self._in_seal - self._waiting):
            appointment, sequence = divmod(key, SEQUENCES)
            yield self._at(appointment, sequence, "The entry lies under no seal and awaits none.")
        for key in sorted(self._waiting & self._in_seal):
            appointment, sequence = divmod(key, SEQUENCES)
            yield self._at(appointment, sequence, "The entry awaits a seal although it lies under one.")

    def _at(self, appointment_id: int, sequence: int | None, sentence: str) -> Finding:
        entry = "" if sequence is None else f", entry {sequence}"
        return Finding(self.firm_id, f"appointment {appointment_id}{entry}", sentence)


def compare(kept: Mapping[int, Seal], seals: Iterable[Seal], firm_id: int) -> Iterator[Finding]:
    """Seals as a file kept them outside, by number, against those that are presented."""
    shown = {seal.number: seal for seal in seals}
    for number, seal in kept.items():
        if number not in shown:
            yield Finding(firm_id, f"seal {number}", "The seal was kept outside and is gone.")
        elif shown[number] != seal:
            yield Finding(firm_id, f"seal {number}", "The seal differs from the one kept outside.")


def read_seals(lines: Iterable[str]) -> dict[int, dict[int, Seal]]:
    """Seals of a file of JSON lines, by firm and number."""
    found: dict[int, dict[int, Seal]] = {}
    for line in lines:
        seal = Seal(**json.loads(line))
        found.setdefault(seal.firm_id, {})[seal.number] = seal
    return found


def check_export(
    lines: Iterable[str], kept: Mapping[int, Mapping[int, Seal]], keys: Mapping[str, bytes]
) -> Iterator[Finding | Verifier]:
    """Check an export (JSON lines: per firm its appointments, then its seals).

    Yields findings and, after each firm, its verifier, which has counted.
    """
    found = (json.loads(line) for line in lines)
    for firm_id, of_firm in groupby(found, key=lambda line: int(line["firm"])):
        verifier, seals = Verifier(firm_id, keys), []
        for line in of_firm:
            if "seal" in line:
                seals.append(Seal(**line["seal"]))
                yield from verifier.seal(seals[-1])
            elif "entries" in line:
                booking: dict[str, Any] | None = line["booking"]
                entries = [Entry(**entry) for entry in line["entries"]]
                yield from verifier.appointment(Booking(**booking) if booking else None, entries)
        yield from verifier.finish()
        yield from compare(kept.get(firm_id, {}), seals, firm_id)
        yield verifier


def main(argv: Sequence[str] | None = None) -> int:
    """Check an export from the command line; 0 if all is as recorded, 1 with what is not."""
    parser = argparse.ArgumentParser(description="Check an exported history without a database.")
    parser.add_argument("export", type=Path)
    parser.add_argument(
        "--key", action="append", required=True, help="a trusted public key, 64 hexadecimal digits"
    )
    parser.add_argument(
        "--seals", type=Path, action="append", default=[], help="seals that were kept outside"
    )
    asked = parser.parse_args(argv)
    keys = {key_id(bytes.fromhex(key)): bytes.fromhex(key) for key in asked.key}
    kept: dict[int, dict[int, Seal]] = {}
    for file in asked.seals:
        with file.open(encoding="utf-8") as lines:
            for firm_id, seals in read_seals(lines).items():
                kept.setdefault(firm_id, {}).update(seals)
    wrong = 0
    with asked.export.open(encoding="utf-8") as lines:
        for result in check_export(lines, kept, keys):
            if isinstance(result, Finding):
                wrong += 1
                print(f"Firm {result.firm_id}, {result.place}: {result.sentence}")
            else:
                print(result)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
