"""What people type, made fit to be kept: no control characters, and a sentence when it is too long."""

import unicodedata

from webapp.lifecycle.errors import Invalid

KEPT_CONTROLS = {"\n", "\t"}


def one_line(text: str | None, limit: int, field: str) -> str:
    """A single trimmed line of at most ``limit`` characters, NFC, runs of white space made one.

    Raises:
        Invalid: too long, or with characters that no keyboard types.
    """
    return _checked(" ".join((text or "").split()), limit, field)


def prose(text: str | None, limit: int, field: str) -> str:
    """Free text of at most ``limit`` characters, NFC, trimmed, with line ends made ``\\n``.

    Raises:
        Invalid: too long, or with characters that no keyboard types.
    """
    return _checked((text or "").replace("\r\n", "\n").replace("\r", "\n").strip(), limit, field)


def _checked(text: str, limit: int, field: str) -> str:
    plain = text.isascii() and text.isprintable()  # most text; an import has a million pieces of it
    if not plain:
        text = unicodedata.normalize("NFC", text)
    if not plain and any(_unprintable(character) for character in text):
        raise Invalid("This text has characters that cannot be kept. Remove them and try again.", field=field)
    if len(text) > limit:
        raise Invalid(f"Keep this to {limit:,} characters; it has {len(text):,}.", field=field)
    return text


def _unprintable(character: str) -> bool:
    """Control characters, lone surrogates, and the mark that decoders leave where UTF-8 was broken."""
    if character in KEPT_CONTROLS:
        return False
    return unicodedata.category(character) in {"Cc", "Cs"} or character == "\ufffd"
