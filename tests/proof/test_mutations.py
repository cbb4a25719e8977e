"""Whatever is changed behind Daybook's back is found, and where it was; what is untouched raises no alarm.

Each mutation is made by SQL with every guard of the database out of the way, checked, and rolled back.
"""

import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.factories import World
from tests.proof.ledger import KEY, check
from webapp import proof
from webapp.lifecycle import digests, sealing
from webapp.queries import proofs

ROUNDS = {"sqlite": 2000, "postgresql": 500}
HISTORY = "appointment_status_history"
KEPT = ("history_id",)  # a row's place in the table is no fact of it
WORDS: dict[str, tuple[Any, ...]] = {
    "action": ("book", "cancel", "complete", "approve"),
    "from_status": ("requested", "confirmed", None),
    "to_status": ("confirmed", "completed", "no_show"),
    "no_show_party": ("client", "staff", "both", None),
    "cancelled_by": ("client", "staff", None),
    "actor_kind": ("staff", "client", "system"),
    "legacy": (True, False),
}

Mutation = Callable[[random.Random], tuple[str, str]]
"""Changes something; tells the statement's name and a place that a finding must name."""


class Forger:
    """Somebody who can write every table, and knows the formulas, but has no key."""

    def __init__(self, session: Session, firm_id: int) -> None:
        self.session, self.firm_id = session, firm_id
        self.connection = session.connection()
        self.postgresql = self.connection.dialect.name == "postgresql"
        inspector = sa.inspect(self.connection)
        self.columns = {
            table: {column["name"]: column["type"] for column in inspector.get_columns(table)}
            for table in (HISTORY, "history_seal", "appointment")
        }
        self.entries = self.rows(f"SELECT * FROM {HISTORY} ORDER BY history_id")
        waiting = {row["history_id"] for row in self.rows("SELECT history_id FROM history_unsealed")}
        self.sealed = [row for row in self.entries if row["history_id"] not in waiting]
        self.waiting = [row for row in self.entries if row["history_id"] in waiting]
        self.seals = self.rows("SELECT * FROM history_seal ORDER BY number")

    def rows(self, text: str, **values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.connection.execute(sa.text(text), values).mappings()]

    def run(self, text: str, **values: Any) -> None:
        self.connection.execute(sa.text(text), values)

    def disarm(self) -> None:
        """Take every trigger and rule away until the transaction ends."""
        if not self.postgresql:
            self.run("PRAGMA defer_foreign_keys=ON")
            self.run("PRAGMA ignore_check_constraints=ON")
            for row in self.rows("SELECT name FROM sqlite_schema WHERE type = 'trigger'"):
                self.run(f"DROP TRIGGER {row['name']}")
            return
        self.run("SET LOCAL session_replication_role = replica")
        rules = (
            "SELECT conname, conrelid::regclass AS place FROM pg_constraint WHERE contype IN ('c', 'x') "
            f"AND conrelid IN ('{HISTORY}'::regclass, 'history_seal'::regclass, 'appointment'::regclass)"
        )
        for row in self.rows(rules):
            self.run(f"ALTER TABLE {row['place']} DROP CONSTRAINT {row['conname']}")

    def other(self, chance: random.Random, table: str, name: str, value: Any) -> Any:
        """A value that differs from the one there is."""
        if name in WORDS:
            return chance.choice([each for each in WORDS[name] if each != value])
        if value is None:
            plain = self.columns[table][name].python_type
            return {int: 7, str: "x" * 20}.get(plain, "x")
        if isinstance(value, int):
            return value + 1000 * chance.randint(1, 9)  # free in every key
        if name.endswith(("_at", "_time")):
            text = str(value).replace("+00:00", "")
            year = str(int(text[:4]) + 1)
            return year + text[4:]
        if len(value) > 20 and set(value) <= set("0123456789abcdef"):
            place = chance.randrange(len(value))
            return value[:place] + ("0" if value[place] != "0" else "1") + value[place + 1 :]
        return value[:-1] + ("y" if value.endswith("x") else "x")

    # ---- the mutations

    def column(self, chance: random.Random) -> tuple[str, str]:
        row = chance.choice(self.sealed)
        name = chance.choice([each for each in self.columns[HISTORY] if each not in KEPT])
        value = self.other(chance, HISTORY, name, row[name])
        if name == "actor_label" and row["actor_kind"] != "client" and row["actor_label"] == value:
            value += "x"
        self._set(HISTORY, name, value, "history_id = :key", key=row["history_id"])
        return f"{name} of a row", f"appointment {row['appointment_id']}"

    def waiting_column(self, chance: random.Random) -> tuple[str, str]:
        row = chance.choice(self.waiting)
        name = chance.choice([each for each in self.columns[HISTORY] if each not in KEPT])
        value = self.other(chance, HISTORY, name, row[name])
        self._set(HISTORY, name, value, "history_id = :key", key=row["history_id"])
        places = {
            "appointment_id": f"appointment {value}",  # nothing but the row itself says where it belongs
            "firm_id": f"history row {row['history_id']}",
        }
        return f"{name} of a row that waits", places.get(name, f"appointment {row['appointment_id']}")

    def booking(self, chance: random.Random) -> tuple[str, str]:
        row = chance.choice(self.entries)
        name = chance.choice(proof.Booking._fields)
        found = self.rows(
            f"SELECT {name} FROM appointment WHERE appointment_id = :key", key=row["appointment_id"]
        )
        value = self.other(chance, "appointment", name, found[0][name])
        self._set("appointment", name, value, "appointment_id = :key", key=row["appointment_id"])
        return f"{name} of an appointment", f"appointment {row['appointment_id']}"

    def _set(self, table: str, name: str, value: Any, where: str, **key: Any) -> None:
        shown = ":value"
        if self.postgresql and name.endswith(("_at", "_time")):
            shown = "(:value)::timestamp AT TIME ZONE 'UTC'"
        self.run(f"UPDATE {table} SET {name} = {shown} WHERE {where}", value=value, **key)

    def delete(self, chance: random.Random) -> tuple[str, str]:
        row = chance.choice(self.sealed)
        self.run(f"DELETE FROM {HISTORY} WHERE history_id = :key", key=row["history_id"])
        return "a row deleted", f"appointment {row['appointment_id']}"

    def delete_waiting(self, chance: random.Random) -> tuple[str, str]:
        row = chance.choice(self.waiting)
        self.run(f"DELETE FROM {HISTORY} WHERE history_id = :key", key=row["history_id"])
        return "a waiting row deleted", f"history row {row['history_id']}"

    def truncate(self, chance: random.Random) -> tuple[str, str]:
        last = chance.choice(self.sealed)["history_id"]
        self.run(f"DELETE FROM {HISTORY} WHERE history_id >= :key", key=last)
        self.run("DELETE FROM history_unsealed WHERE history_id >= :key", key=last)
        gone = [row for row in self.sealed if row["history_id"] >= last]
        return "the newest rows deleted", f"appointment {gone[0]['appointment_id']}"

    def vanish(self, chance: random.Random) -> tuple[str, str]:
        number = chance.choice(self.sealed)["appointment_id"]
        for table in (HISTORY, "outbox_event", "appointment"):
            self.run(f"DELETE FROM {table} WHERE appointment_id = :key", key=number)
        return "a whole appointment gone", f"appointment {number}"

    def vanish_alone(self, chance: random.Random) -> tuple[str, str]:
        number = chance.choice(self.sealed)["appointment_id"]
        self.run("DELETE FROM appointment WHERE appointment_id = :key", key=number)
        return "the appointment gone, its history left", f"appointment {number}"

    def insert(self, chance: random.Random) -> tuple[str, str]:
        """A row that continues an appointment's chain as Daybook would have."""
        number = chance.choice(self.sealed)["appointment_id"]
        last = max(
            (row for row in self.entries if row["appointment_id"] == number), key=lambda row: row["sequence"]
        )
        return "a row inserted", self._append(last, chance)

    def _append(self, last: dict[str, Any], chance: random.Random) -> str:
        row = dict(last) | {"history_id": 10**6, "sequence": last["sequence"] + 1, "action": "correct"}
        row |= {"words_salt": None, "erased_words": None, "reason": None, "legacy": False}
        row["entry_hash"] = chance.choice([None, "0" * 64, self._hash(last["entry_hash"], row)])
        names = ", ".join(row)
        self.run(f"INSERT INTO {HISTORY} ({names}) VALUES ({', '.join(':' + name for name in row)})", **row)
        return f"appointment {row['appointment_id']}, entry {row['sequence']}"

    def _hash(self, previous: str, row: dict[str, Any]) -> str:
        told = [row[name] for name in proof.Entry._fields[:-1]]
        entry = proof.Entry._make([*told, False])
        moments = {name: str(row[name]).replace("+00:00", "") for name in ("changed_at", "occurred_at")}
        moments = {name: text if "." in text else f"{text}.000000" for name, text in moments.items()}
        return proof.entry_digest(previous, entry._replace(**moments, legacy=bool(row["legacy"])))

    def swap(self, chance: random.Random) -> tuple[str, str]:
        """Two entries of an appointment change places."""
        several = [row for row in self.sealed if row["sequence"] == 2]
        number = chance.choice(several)["appointment_id"]
        for before, after in ((1, 5000), (2, 1), (5000, 2)):
            self.run(
                f"UPDATE {HISTORY} SET sequence = :after WHERE appointment_id = :key AND sequence = :before",
                after=after,
                before=before,
                key=number,
            )
        return "two rows change places", f"appointment {number}"

    def forge(self, chance: random.Random) -> tuple[str, str]:
        """A row changed, and its digest and every later one of the appointment made anew."""
        row = chance.choice(self.sealed)
        chain = [each for each in self.entries if each["appointment_id"] == row["appointment_id"]]
        facts = digests.bookings(self.session, self.firm_id, [row["appointment_id"]])
        previous = facts[row["appointment_id"]]
        for each in sorted(chain, key=lambda one: int(one["sequence"])):
            now = dict(each) | ({"actor_label": "Mallory"} if each is row else {})
            previous = self._hash(previous, now)
            self.run(
                f"UPDATE {HISTORY} SET actor_label = :who, entry_hash = :hash WHERE history_id = :key",
                who=now["actor_label"],
                hash=previous,
                key=each["history_id"],
            )
        return "a chain forged from a row on", f"appointment {row['appointment_id']}, entry {row['sequence']}"

    def seal_column(self, chance: random.Random) -> tuple[str, str]:
        seal = chance.choice(self.seals)
        name = chance.choice([each for each in proof.Seal._fields if each != "firm_id"])
        value = self.other(chance, "history_seal", name, seal[name])
        self._set("history_seal", name, value, "number = :key", key=seal["number"])
        return f"{name} of a seal", "seal "

    def seal_delete(self, chance: random.Random) -> tuple[str, str]:
        seal = chance.choice(self.seals)
        self.run("DELETE FROM history_seal WHERE number = :key", key=seal["number"])
        first = seal["members"].split(" ")[0].partition(".")[0]
        if seal is not self.seals[-1]:
            return "a seal deleted", f"seal {seal['number']}"
        return "the last seal deleted", f"appointment {first}"

    def unqueue(self, chance: random.Random) -> tuple[str, str]:
        row = chance.choice(self.waiting)
        self.run("DELETE FROM history_unsealed WHERE history_id = :key", key=row["history_id"])
        return "a row kept from its seal", f"appointment {row['appointment_id']}"

    def kinds(self) -> list[Mutation]:
        return [
            self.column,
            self.column,
            self.column,
            self.waiting_column,
            self.booking,
            self.delete,
            self.delete_waiting,
            self.truncate,
            self.vanish,
            self.vanish_alone,
            self.insert,
            self.swap,
            self.forge,
            self.seal_column,
            self.seal_delete,
            self.unqueue,
        ]


def test_every_mutation_is_found_where_it_was_made(session: Session, ledger: World) -> None:
    firm_id = ledger.firm.firm_id
    forger = Forger(session, firm_id)
    forger.disarm()
    chance = random.Random(20261123)
    kinds = forger.kinds()
    made: set[str] = set()
    for turn in range(ROUNDS[forger.connection.dialect.name]):
        forger.run("SAVEPOINT step")
        what, place = kinds[turn % len(kinds)](chance)
        session.expire_all()
        findings, _ = check(session, firm_id)
        assert any(finding.place.startswith(place) for finding in findings), (what, place, findings[:3])
        forger.run("ROLLBACK TO SAVEPOINT step")
        session.expire_all()
        made.add(what)
        if turn % 25 == 0:
            assert check(session, firm_id)[0] == []
    session.rollback()
    assert len(made) >= 45  # each column of each table among them
    assert check(session, firm_id)[0] == []


def test_a_whole_ledger_raises_no_alarm(session: Session, ledger: World) -> None:
    findings, seen = check(session, ledger.firm.firm_id)
    assert findings == []
    assert (seen.seals, seen.legacy, seen.waiting) == (4, 8, 4)
    assert seen.entries == seen.sealed + seen.waiting > 40


def test_seals_that_were_made_anew_without_the_newest_rows_differ_from_those_kept(
    session: Session, ledger: World
) -> None:
    """Even who has the key cannot take back what a file outside has."""
    firm_id = ledger.firm.firm_id
    kept = {seal.number: seal for seal in proofs.seals(session, firm_id=firm_id)}
    assert check(session, firm_id, kept=kept)[0] == []
    forger = Forger(session, firm_id)
    forger.disarm()
    forger.run("DELETE FROM history_seal WHERE number = 4")
    for named in kept[4].members.split(" "):
        number, _, rest = named.partition(".")
        forger.run(
            f"DELETE FROM {HISTORY} WHERE appointment_id = :number AND sequence = :sequence",
            number=int(number),
            sequence=int(rest.partition(":")[0]),
        )
    session.expire_all()
    sealing.seal(session, firm_id, key=KEY, now=ledger.now, at_once=True)
    alone, _ = check(session, firm_id)
    assert not [finding for finding in alone if finding.place.startswith("seal")]
    compared, _ = check(session, firm_id, kept=kept)
    assert ("seal 4", "The seal differs from the one kept outside.") in [found[1:] for found in compared]


@pytest.mark.parametrize(
    "text", ["", "7", "7.1", "7.1:", "x.1:" + "0" * 16, "7.1:" + "0" * 17, "7.1:" + "0" * 15]
)
def test_a_list_of_entries_that_cannot_be_read_is_a_finding(text: str) -> None:
    verifier = proof.Verifier(1, {})
    seal = proof.Seal(1, 1, text, "0" * 64, None, "2026-01-13 10:00:00.000000", "0" * 16, "00" * 64)
    sentences = [finding.sentence for finding in verifier.seal(seal)]
    assert "The seal's list of entries cannot be read." in sentences
