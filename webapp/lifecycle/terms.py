"""The words by which a client is found, folded so that spelling, case and accents do not matter. Pure.

A search asks for prefixes of these words, so whatever may be typed first must begin one of them: the parts
of a double name, the local part of an e-mail address, the last digits of a phone number.
"""

import unicodedata
from itertools import pairwise

from webapp.models.clients import TERM_LENGTH

SHORTEST_SUFFIX, LONGEST_SUFFIX = 4, 10
"""Phone numbers are found by their last 4 to 10 digits, and by all of them."""
INTERNATIONAL = 8
"""Of a number typed with a country's code or a leading zero only so many last digits count: the firm may keep
it in the other form."""
MOST_WORDS = 8
MOST_TYPED = 200

# Letters that Unicode does not take apart, as people without that key type them.
UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h"}
)
PHONE_MARKS = frozenset("+()-./ \u00a0\u2010\u2011\u2013")


def normalise(text: str) -> str:
    """Text as it is compared: NFKD without combining marks, case-folded, white space made single blanks."""
    folded = _bare(_bare(text).casefold()).translate(UNDECOMPOSED)
    return " ".join("".join(" " if _is_control(c) else c for c in folded).split())


def sort_name_of(name: str) -> str:
    """The key that lists are sorted by: the folded name, cut to what an index keeps."""
    return normalise(name)[:TERM_LENGTH]


def terms_of(name: str, email: str, phone: str) -> set[str]:
    """Every term of a contact, each at most 64 characters: words of the name, e-mail, digits of the phone."""
    found: set[str] = set()
    for word in normalise(name).split():
        parts = _parts(word)
        found |= {"".join(parts), *parts}
    address = normalise(email)
    if address:
        found |= {address, _joined(address.partition("@")[0])}
    found |= _phone_terms(phone)
    return {term[:TERM_LENGTH] for term in found if term}


def _phone_terms(phone: str) -> set[str]:
    """All digits, the same without leading zeros, and the last 4 to 10 of them."""
    digits = digits_of(phone)
    if not digits:
        return set()
    longest = min(len(digits), LONGEST_SUFFIX)
    suffixes = {digits[-length:] for length in range(SHORTEST_SUFFIX, longest + 1)}
    return {digits, digits.lstrip("0"), *suffixes}


def digits_of(phone: str) -> str:
    """The ASCII digits of a phone number, without ``(0)`` and the 00 that stands for ``+``."""
    folded = unicodedata.normalize("NFKD", phone).replace("(0)", "")
    digits = "".join(str(unicodedata.digit(c)) for c in folded if c.isdigit())
    return digits[2:] if digits.startswith("00") else digits


def words_of(q: str) -> list[str]:
    """The prefixes that a search asks for, longest first; empty when there is nothing to look for.

    What looks like one phone number is one word, however it is spaced.
    """
    typed = q[:MOST_TYPED]
    if is_phone_like(typed):
        return [_phone_word(typed)[:TERM_LENGTH]]
    words = {_word(word)[:TERM_LENGTH] for word in normalise(typed).split()} - {""}
    kept = sorted(words, key=lambda word: (-len(word), word))[:MOST_WORDS]
    implied = {low for low, high in pairwise(sorted(kept)) if high.startswith(low)}
    return [word for word in kept if word not in implied]


def is_phone_like(typed: str) -> bool:
    """Digits and the marks that people put between them, at least four digits."""
    folded = unicodedata.normalize("NFKD", typed)
    return sum(c.isdigit() for c in folded) >= SHORTEST_SUFFIX and all(
        c.isdigit() or c in PHONE_MARKS for c in folded
    )


def reference_of(q: str) -> int | None:
    """The appointment's reference that a search may mean: plain digits that fit a 64-bit key."""
    bare = q.strip()
    if not (bare.isascii() and bare.isdigit() and len(bare) < 20):
        return None
    number = int(bare)
    return number if 0 < number < 2**63 else None


def _phone_word(typed: str) -> str:
    digits = digits_of(typed)
    whole = typed.lstrip(" (").startswith(("+", "0"))
    return digits[-INTERNATIONAL:] if whole and len(digits) > INTERNATIONAL else digits


def _word(word: str) -> str:
    """A typed word in the form that terms have: e-mail addresses whole, names without their marks."""
    return word if "@" in word else _joined(word)


def _joined(word: str) -> str:
    return "".join(_parts(word))


def _parts(word: str) -> list[str]:
    """``o'brien-smith`` → ``o``, ``brien``, ``smith``."""
    return "".join(c if _is_letter(c) else " " for c in word).split()


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNM"


def _is_control(character: str) -> bool:
    return unicodedata.category(character)[0] == "C"


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
