"""Personal links in kept mail: the row names the link; the token is put in where it is read or sent.

So what is kept opens nothing without the installation's key. A placeholder carries a part of the token's
hash: nobody who can only type text knows one, so no name and no reason turns into somebody's link.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa
from icalendar.parser import Contentline, Contentlines
from sqlalchemy.orm import Session

from webapp.lifecycle import links
from webapp.models import PersonalLink

MARK = 16  # characters of the hash: 64 bits
NAMED = re.compile(rf"link-(\d{{1,18}})-([0-9a-f]{{{MARK}}})")
CLOSED = "closed"  # in the place of a token that was revoked: its address leads to the page of unknown links


class Kept(Protocol):
    """A mail as its row has it."""

    @property
    def text_body(self) -> str: ...
    @property
    def html_body(self) -> str: ...
    @property
    def calendar(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Bodies:
    """What a mail says, for its recipient."""

    text: str
    html: str
    calendar: str | None


def placeholder(link: PersonalLink) -> str:
    """What stands for the link's token in kept mail."""
    return f"link-{link.personal_link_id}-{link.token_hash[:MARK]}"


def filled(session: Session, mail: Kept, *, firm_id: int, secret: str) -> Bodies:
    """The mail with its links, in one statement; without links in none."""
    lines = _unfolded(mail.calendar) if mail.calendar else []
    tokens = _tokens(session, firm_id, secret, [mail.text_body, mail.html_body, *lines])
    calendar = mail.calendar
    if tokens and any(NAMED.search(line) for line in lines):
        calendar = _folded(_fill(line, tokens) for line in lines)
    return Bodies(_fill(mail.text_body, tokens), _fill(mail.html_body, tokens), calendar)


def _unfolded(calendar: str) -> list[str]:
    """The lines of a calendar file, each whole: a fold may lie within a placeholder."""
    return list(Contentlines.from_ical(calendar))  # type: ignore[no-untyped-call]


def _folded(lines: Iterable[str]) -> str:
    folded = Contentlines(map(Contentline, lines))
    text: bytes = folded.to_ical()  # type: ignore[no-untyped-call]
    return text.decode()


def _tokens(session: Session, firm_id: int, secret: str, texts: list[str]) -> dict[str, str]:
    """The firm's placeholders in these texts with what they stand for."""
    numbers = {int(found[1]) for text in texts for found in NAMED.finditer(text)}
    if not numbers:
        return {}
    named = sa.select(PersonalLink).where(
        PersonalLink.firm_id == firm_id, PersonalLink.personal_link_id.in_(numbers)
    )
    return {
        placeholder(link): CLOSED if link.revoked_at else links.token_of(link, secret=secret)
        for link in session.scalars(named)
    }


def _fill(text: str, tokens: dict[str, str]) -> str:
    return NAMED.sub(lambda found: tokens.get(found[0], found[0]), text)
