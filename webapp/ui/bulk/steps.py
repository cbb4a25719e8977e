"""Taking a step on each selected appointment, one transaction each: a refused one never stops the others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import flash

from webapp.extensions import db
from webapp.lifecycle import submissions, transaction
from webapp.lifecycle.errors import DomainError
from webapp.queries import appointments
from webapp.queries.identity import Me
from webapp.queries.rows import Row
from webapp.ui.bulk.selection import Ref, name_of
from webapp.vocabulary import Action

TOKEN_LENGTH = 60
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
    refs: Iterable[Ref],
    *,
    action: Action,
    token: str,
    me: Me,
    now: datetime,
    rows: Mapping[int, Row],
    facts: Mapping[str, Any],
) -> Outcome:
    """Call a lifecycle function for each ref. The same form sent again gets its first answers again."""
    changed, refused = 0, []
    for ref in refs:
        key = f"bulk:{token[:TOKEN_LENGTH]}:{action}:{ref.appointment_id}" if token else ""

        def work(ref: Ref = ref) -> dict[str, Any]:
            session = db.session()
            appointment = appointments.get(session, firm_id=me.firm_id, appointment_id=ref.appointment_id)
            step(session, appointment, actor=me.actor, now=now, expected_version=ref.version, **facts)
            return {}

        sentence = _once(key, work, me, now)
        if sentence:
            row = rows.get(ref.appointment_id)
            name = name_of(row, me.local, now) if row else f"Reference {ref.appointment_id}"
            refused.append(f"{name}: {sentence}")
        else:
            changed += 1
    return Outcome(changed, refused)


def _once(key: str, work: Callable[[], dict[str, Any]], me: Me, now: datetime) -> str:
    """Do the work unless this key was answered before. Gives the refusal, which is kept too, or nothing."""

    def claim(effect: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return transaction.run(
            db.session(),
            lambda: submissions.once(db.session(), firm_id=me.firm_id, token=key, now=now, work=effect)[0],
        )

    try:
        answer = claim(work)
    except DomainError as error:
        refusal = {"refused": error.sentence}
        answer = claim(lambda: refusal)
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
