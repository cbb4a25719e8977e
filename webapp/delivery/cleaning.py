"""Text on its way into a mail: one line where a header wants one, nothing that turns it around."""

import unicodedata

SUBJECT_LENGTH = 200
NAME_LENGTH = 120
REASON_LENGTH = 600

# Embeddings, overrides, isolates: they could show a line backwards. Joiners stay: scripts need them.
TURNING = {0x200E, 0x200F, 0x061C, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
DROPPED = {"Cc", "Cs", "Zl", "Zp"}


def line(text: str, limit: int = NAME_LENGTH) -> str:
    """One line without control or direction characters, cut with an ellipsis where it is too long."""
    return _cut(" ".join("".join(map(_kept, text)).split()), limit)


def prose(text: str, limit: int = REASON_LENGTH) -> str:
    """Like :func:`line`, but lines stay lines."""
    return _cut("\n".join(filter(None, (line(part, limit) for part in text.splitlines()))), limit)


def _kept(character: str) -> str:
    if ord(character) in TURNING:
        return ""
    return " " if unicodedata.category(character) in DROPPED else character


def _cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, never between a letter and its marks or joiners."""
    if len(text) <= limit:
        return text
    end = limit - 1
    while end > 0 and (unicodedata.combining(text[end]) or _joins(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return text[: end or limit - 1].rstrip() + "…"


def _joins(character: str) -> bool:
    return character in {"\u200d", "\ufe0f"} or unicodedata.category(character) in {"Mn", "Mc", "Me"}
