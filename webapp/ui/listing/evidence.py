"""What is known about a meeting without an outcome, in words."""

from dataclasses import dataclass
from datetime import datetime

from webapp.localtime import Local
from webapp.queries.sweeps import Evidence
from webapp.vocabulary import NoShowParty

LOOKS = {
    NoShowParty.CLIENT: "Looks like the client didn’t show",
    NoShowParty.STAFF: "Looks like staff didn’t show",
    NoShowParty.BOTH: "Looks like both didn’t show",
}


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """``facts`` is empty where nothing is known, ``looks`` where nothing is suggested."""

    facts: str
    looks: str


def present(found: Evidence, local: Local) -> EvidenceView:
    """``Client arrived 09:02, staff not seen``, and what the rule makes of it."""
    client, staff = found.facts.client_joined_at, found.facts.staff_joined_at
    facts = ""
    if found.tracked or client or staff:
        sides = [_side("client", client, found, local), _side("staff", staff, found, local)]
        text = ", ".join(sides if found.tracked else [side for side in sides if "not seen" not in side])
        facts = text[:1].upper() + text[1:]
    decision = found.decision
    if decision.outcome is None:
        return EvidenceView(facts, "")
    return EvidenceView(facts, _looks(found))


def _looks(found: Evidence) -> str:
    if found.decision.party is None:
        return "Looks like it took place"
    if any(at and at > found.threshold for at in (found.facts.client_joined_at, found.facts.staff_joined_at)):
        return "Too late by the firm’s no-show rule"
    return LOOKS[found.decision.party]


def _side(name: str, at: datetime | None, found: Evidence, local: Local) -> str:
    if at is None:
        return f"{name} not seen"
    late = " (late)" if found.tracked and at > found.threshold else ""
    return f"{name} arrived {local.time(at)}{late}"
