"""Reasons as the history keeps them."""

from webapp.lifecycle.booking import REASON_LENGTH
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.text import prose


def required(text: str, sentence: str) -> str:
    """The reason, trimmed.

    Raises:
        Invalid: with the sentence, where there is none; or it is too long.
    """
    kept = prose(text, REASON_LENGTH, "reason")
    if not kept:
        raise Invalid(sentence, field="reason")
    return kept


def joined(first: str, second: str) -> str:
    """Two sentences, or the first alone."""
    return f"{first}. {second}" if second else first
