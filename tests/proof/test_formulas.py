"""The formulas, computed once more from their description, and the published examples of a Merkle tree."""

import hashlib
import os

import pytest

from webapp import proof

# RFC 9162, section 2.1.1, over the inputs that Certificate Transparency's reference implementation tests.
INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
ENTRY = proof.Entry(
    firm_id=1,
    appointment_id=7,
    sequence=2,
    action="cancel",
    from_status="confirmed",
    to_status="cancelled",
    no_show_party=None,
    cancelled_by="client",
    overrides=None,
    changed_by_id=3,
    actor_kind="staff",
    actor_label="Léna Fischer",
    changed_at="2026-01-13 10:00:00.000000",
    occurred_at="2026-01-13 10:00:00.000000",
    reason="Ada is ill",
    words_salt="00112233445566778899aabbccddeeff",
)


def spelled_out(kind: str, *fields: object) -> str:
    """The digest by hand: every field as length, colon, bytes, comma."""
    text = b""
    for field in (kind, *fields):
        if field is None:
            text += b"-,"
        else:
            raw = str(field).encode("utf-8")
            text += str(len(raw)).encode("ascii") + b":" + raw + b","
    return hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("count", range(1, 9))
def test_the_tree_is_that_of_the_standard(count: int) -> None:
    assert proof.tree([proof.leaf(each) for each in INPUTS[:count]]).hex() == ROOTS[count - 1]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 100])
def test_every_leaf_has_a_path_to_the_root(count: int) -> None:
    hashes = [hashlib.sha256(bytes([number])).hexdigest() for number in range(count)]
    leaves = [proof.leaf(each) for each in hashes]
    root = proof.tree(leaves).hex()
    for place, each in enumerate(hashes):
        steps = proof.path(leaves, place)
        assert proof.climb(each, steps) == root
        assert count == 1 or proof.climb(hashes[place - 1], steps) != root


def test_an_entry_is_hashed_as_described() -> None:
    words = spelled_out("daybook words 1", ENTRY.words_salt, "Ada is ill", None)
    facts = (1, 7, 2, "cancel", "confirmed", "cancelled", None, "client", None, 3, "staff", "Léna Fischer")
    stamps = ("2026-01-13 10:00:00.000000", "2026-01-13 10:00:00.000000")
    previous = "ab" * 32
    assert proof.entry_digest(previous, ENTRY) == spelled_out(
        "daybook entry 1", previous, *facts, *stamps, 0, words
    )


def test_a_client_is_named_by_the_commitment_alone() -> None:
    client = ENTRY._replace(actor_kind="client", changed_by_id=None, actor_label="Ada Byron", reason=None)
    words = spelled_out("daybook words 1", ENTRY.words_salt, None, "Ada Byron")
    erased = client._replace(actor_label="gone", words_salt=None, erased_words=words)
    assert proof.words_of(client) == words
    assert proof.entry_digest("", erased) == proof.entry_digest("", client)
    assert proof.entry_digest("", client._replace(actor_label="Eve")) != proof.entry_digest("", client)


def test_fields_cannot_run_into_each_other() -> None:
    assert proof.digest("x", "ab", "c") != proof.digest("x", "a", "bc")
    assert proof.digest("x", None) != proof.digest("x", "") != proof.digest("x", "-")


def test_a_seal_holds_under_its_own_key_alone() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from webapp.lifecycle.seal_keys import public_key, trusted

    key, other = (Ed25519PrivateKey.from_private_bytes(os.urandom(32)) for _ in range(2))
    named = proof.key_id(public_key(key))
    seal = proof.Seal(1, 1, "7.1:" + "0" * 16, "0" * 64, None, "2026-01-13 10:00:00.000000", named)
    signed = seal._replace(signature=key.sign(proof.seal_message(seal)).hex())
    assert proof.is_signed(signed, trusted(key))
    assert not proof.is_signed(signed, trusted(other))
    assert not proof.is_signed(signed, {named: public_key(other)})
    assert not proof.is_signed(signed._replace(signature="not hexadecimal"), trusted(key))
    for field, value in (
        seal._replace(firm_id=2, number=2, members="", root="1" * 64, previous="")._asdict().items()
    ):
        if value != getattr(seal, field):
            assert not proof.is_signed(signed._replace(**{field: value}), trusted(key)), field
