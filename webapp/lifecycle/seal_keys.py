"""The key that signs seals, which is never in the database."""

import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from webapp import proof

CONTEXT = b"daybook history seal\x00"


def signing_key(seed: str, *, secret_key: str) -> Ed25519PrivateKey:
    """The Ed25519 key of a seed in hexadecimal or, where that is empty, one made from the secret key."""
    raw = bytes.fromhex(seed) if seed else hmac.new(secret_key.encode(), CONTEXT, hashlib.sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(raw)


def public_key(key: Ed25519PrivateKey) -> bytes:
    """What checks the key's signatures: 32 bytes."""
    return key.public_key().public_bytes_raw()


def trusted(key: Ed25519PrivateKey, others: Iterable[str] = ()) -> dict[str, bytes]:
    """The public keys whose seals hold, by name: the key's own and others, in hexadecimal."""
    keys = [public_key(key), *map(bytes.fromhex, others)]
    return {proof.key_id(each): each for each in keys}
