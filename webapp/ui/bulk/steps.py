"""Taking a step on each selected appointment, one transaction each: a refused one never stops the others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash

from webapp.extensions import db
from webapp.lifecycle.errors import DomainError, Unavailable
from webapp.queries import appointments
from webapp.queries.identity import Me
from webapp.queries.rows import Row
from webapp.ui.bulk.selection import Ref, name_of
from webapp.ui.forms import once

MOST_TEXT = 2400
"""Characters of refusals in the notice. They travel in a cookie, and a browser drops one above 4 kB."""

Step = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many were changed, and a sentence for each that was not."""

    changed: int
    refused: list[str]


def take(
    step: Step,
    refs: Sequence[Ref],
    *,
    token: str,
    me: Me,
    now: datetime,
    rows: Mapping[int, Row],
    facts: Mapping[str, Any],
) -> Outcome:
    """Call a lifecycle function for each ref. The same form sent again gets its first answers again.

    What was done before the database stopped answering stays done and is told.
    """
    changed = 0
    refused: list[str] = []
    for ref in refs:
        key = f"{token}:{ref.appointment_id}" if token else ""

        def work(ref: Ref = ref) -> dict[str, Any]:
            session = db.session()
            appointment = appointments.get(session, firm_id=me.firm_id, appointment_id=ref.appointment_id)
            step(session, appointment, actor=me.actor, now=now, expected_version=ref.version, **facts)
            return {}

        try:
            sentence = _refusal_of(key, work)
        except Unavailable as error:
            refused.append(f"{error.sentence} {_left(refs, changed + len(refused))}")
            break
        if sentence:
            row = rows.get(ref.appointment_id)
            name = name_of(row, me.local, now) if row else f"Reference {ref.appointment_id}"
            refused.append(f"{name}: {sentence}")
        else:
            changed += 1
    return Outcome(changed, refused)


def _left(refs: Sequence[Ref], done: int) -> str:
    left = len(refs) - done
    return f"{left} {'appointment is' if left == 1 else 'appointments are'} as before."


def _refusal_of(key: str, work: Callable[[], dict[str, Any]]) -> str:
    """Do the work unless this key was answered before. Gives the refusal, which is kept too, or nothing."""
    try:
        answer = once(key, work)
    except Unavailable:
        raise
    except DomainError as error:
        refusal = {"refused": error.sentence}
        answer = once(key, lambda: refusal)
    return str(answer.get("refused", ""))


def tell(outcome: Outcome, done: str) -> None:
    """A toast for what was changed, and a notice that stays for what was not."""
    if outcome.changed:
        flash(f"{outcome.changed} {done}", "toast")
    if outcome.refused:
        count = len(outcome.refused)
        heading = f"{count} {'was' if count == 1 else 'were'} not changed"
        flash((heading, _fitting(outcome.refused)), "warning")  # type: ignore[arg-type]


def _fitting(lines: list[str]) -> list[str]:
    kept: list[str] = []
    length = 0
    for line in lines:
        length += len(line.encode())
        if length > MOST_TEXT:
            return [*kept, f"And {len(lines) - len(kept)} more, which are as they were."]
        kept.append(line)
    return kept
