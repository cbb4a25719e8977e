"""What is not as it was recorded, found from entries and seals alone, wherever they come from."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from .formulas import (
    CLIENT,
    PREFIX,
    Booking,
    Entry,
    Seal,
    booking_digest,
    climb,
    entry_digest,
    is_digest,
    is_signed,
    leaf,
    seal_digest,
    tree,
)

MEMBER = re.compile("([1-9][0-9]{0,18})[.]([1-9][0-9]{0,5}):([0-9a-f]{16})")
SEQUENCES = 1 << 20  # more entries than any appointment has


class Finding(NamedTuple):
    """Something that is not as it was recorded: of which firm, where, and what."""

    firm_id: int
    place: str
    sentence: str


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
        hashed = {key for key, found in self._open.items() if found}
        for key in sorted(hashed - self._in_seal - self._waiting):
            appointment, sequence = divmod(key, SEQUENCES)
            yield self._at(appointment, sequence, "The entry lies under no seal and awaits none.")
        for key in sorted(self._waiting & self._in_seal):
            appointment, sequence = divmod(key, SEQUENCES)
            yield self._at(appointment, sequence, "The entry awaits a seal although it lies under one.")

    def _at(self, appointment_id: int, sequence: int | None, sentence: str) -> Finding:
        entry = "" if sequence is None else f", entry {sequence}"
        return Finding(self.firm_id, f"appointment {appointment_id}{entry}", sentence)

    def proven(
        self, appointment_id: int, sequence: int, steps: Iterable[Sequence[str]], seal: Seal
    ) -> Iterator[Finding]:
        """One entry whose path leads to the root of a seal, the other entries of which are not shown."""
        key = appointment_id * SEQUENCES + sequence
        self._in_seal.add(key)
        found = self._open.get(key, "")
        if not found or climb(found, steps) != seal.root:
            yield self._at(appointment_id, sequence, f"The entry's path does not lead to seal {seal.number}.")
        if not is_signed(seal, self.keys):
            yield Finding(
                self.firm_id, f"seal {seal.number}", "No trusted key has signed the seal as it stands."
            )


def compare(kept: Mapping[int, Seal], seals: Iterable[Seal], firm_id: int) -> Iterator[Finding]:
    """Seals as a file kept them outside, by number, against those that are presented."""
    shown = {seal.number: seal for seal in seals}
    for number, seal in kept.items():
        if number not in shown:
            yield Finding(firm_id, f"seal {number}", "The seal was kept outside and is gone.")
        elif shown[number] != seal:
            yield Finding(firm_id, f"seal {number}", "The seal differs from the one kept outside.")


def kept_in(files: Iterable[Path]) -> dict[int, dict[int, Seal]]:
    """Seals of several files, by firm and number; of one that is in two of them the later file's."""
    kept: dict[int, dict[int, Seal]] = {}
    for path in files:
        with path.open(encoding="utf-8") as lines:
            for firm_id, found in read_seals(lines).items():
                kept.setdefault(firm_id, {}).update(found)
    return kept


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
    """Check an export (JSON lines: per firm its appointments, then its seals or entries' paths to them).

    Yields findings and, after each firm, its verifier, which has counted.
    """
    found = (json.loads(line) for line in lines)
    for firm_id, of_firm in groupby(found, key=lambda line: int(line["firm"])):
        verifier, seals = Verifier(firm_id, keys), []
        for line in of_firm:
            if "path" in line:
                seal = Seal(**line["seal"])
                yield from verifier.proven(line["appointment_id"], line["sequence"], line["path"], seal)
            elif "seal" in line:
                seals.append(Seal(**line["seal"]))
                yield from verifier.seal(seals[-1])
            elif "entries" in line:
                booking: dict[str, Any] | None = line["booking"]
                entries = [Entry(**entry) for entry in line["entries"]]
                yield from verifier.appointment(Booking(**booking) if booking else None, entries)
        yield from verifier.finish()
        yield from compare(kept.get(firm_id, {}), seals, firm_id)
        yield verifier
