"""``/settings/record`` and the proof of a dossier: what the page says, the files, and checking them."""

import json
from collections.abc import Callable, Iterable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status
from tests.support.html import Page
from tests.ui.conftest import MovableClock
from webapp import proof
from webapp.config import Settings
from webapp.lifecycle import appointments, sealing
from webapp.lifecycle.seal_keys import public_key, signing_key
from webapp.models import StaffUser
from webapp.queries import proofs
from webapp.vocabulary import CancelledBy, Status

PAGE = "/settings/record"


@pytest.fixture
def manager(signed_in: Callable[[StaffUser], FlaskClient], world: World) -> FlaskClient:
    return signed_in(world.manager)


@pytest.fixture
def seal(app: Flask, session: Session, world: World) -> Callable[[], int]:
    """Seals what waits, with the installation's key."""
    settings: Settings = app.config["SETTINGS"]
    key = signing_key("", secret_key=settings.secret_key)

    def work() -> int:
        done = sealing.seal(session, world.firm.firm_id, key=key, now=world.now, at_once=True)
        session.commit()
        return done

    return work


def checked(app: Flask, lines: Iterable[str]) -> tuple[list[str], proof.Verifier]:
    public = public_key(signing_key("", secret_key=app.config["SETTINGS"].secret_key))
    *findings, seen = proof.check_export(lines, {}, {proof.key_id(public): public})
    assert isinstance(seen, proof.Verifier)
    return [str(finding) for finding in findings], seen


def test_the_page_says_how_far_the_history_is_sealed(
    manager: FlaskClient,
    session: Session,
    world: World,
    seal: Callable[[], int],
    moved_clock: MovableClock,
) -> None:
    assert "There is no entry yet" in manager.get(PAGE).text
    at_status(session, Status.CONFIRMED, world, start=world.now + DAY)
    moved_clock.now = world.now - 2 * DAY
    assert "1 entry awaits the first seal" in manager.get(PAGE).text
    seal()
    page = manager.get(PAGE).text
    assert "Every entry is sealed" in page
    assert Page(page).faults() == []
    at_status(session, Status.CONFIRMED, world, start=world.now + 2 * DAY)
    assert "1 new entry awaits its seal" in manager.get(PAGE).text
    moved_clock.pass_(minutes=11)
    assert "Sealing is behind" in manager.get(PAGE).text


def test_the_seals_are_a_file_that_the_verifier_reads(
    manager: FlaskClient, session: Session, world: World, seal: Callable[[], int]
) -> None:
    at_status(session, Status.CANCELLED, world)
    seal()
    answer = manager.get(f"{PAGE}/seals.jsonl")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="marlow-seals.jsonl"'
    kept = proof.read_seals(answer.text.splitlines())[world.firm.firm_id]
    assert list(kept.values()) == list(proofs.seals(session, firm_id=world.firm.firm_id))


def test_a_dossier_brings_its_proof(
    app: Flask,
    signed_in: Callable[[StaffUser], FlaskClient],
    session: Session,
    world: World,
    seal: Callable[[], int],
) -> None:
    for place in range(5):
        at_status(session, Status.CONFIRMED, world, start=world.now + (5 + place) * DAY)
    moved = at_status(session, Status.RESCHEDULED, world)
    assert seal() == 8
    successor = moved.rescheduled_to
    assert successor is not None
    appointments.cancel(
        session,
        successor,
        actor=world.acting(),
        reason="Ada is ill",
        cancelled_by=CancelledBy.CLIENT,
        now=world.now,
    )
    session.commit()
    desk = signed_in(world.manager)
    page = desk.get(f"/appointments/{moved.appointment_id}/dossier")
    assert "1 not sealed yet" in page.text
    lines = desk.get(f"/appointments/{moved.appointment_id}/dossier.jsonl").text.splitlines()
    findings, seen = checked(app, lines)
    assert findings == []
    assert (seen.entries, seen.sealed, seen.waiting) == (4, 3, 1)
    assert all(json.loads(line)["seal"]["members"].isalnum() for line in lines if "path" in line)
    forged = [line.replace("Ada is ill", "Ada forgot") for line in lines]
    assert checked(app, forged)[0]
    shifted = [line.replace('"left"', '"right"') if '"path"' in line else line for line in lines]
    assert any("path does not lead" in finding for finding in checked(app, shifted)[0])


def test_words_of_a_former_client_are_shown_by_their_commitment_alone(
    app: Flask, session: Session, world: World, seal: Callable[[], int]
) -> None:
    meeting = at_status(session, Status.REQUESTED, world)
    seal()
    made = {"firm_id": world.firm.firm_id, "appointment_ids": [meeting.appointment_id]}
    withheld = {(meeting.appointment_id, 1)}
    lines = [json.dumps(line) for line in proofs.proof_of(session, **made, withheld=withheld)]
    assert "Ada" not in "".join(lines)
    findings, seen = checked(app, lines)
    assert findings == []
    assert (seen.entries, seen.sealed, seen.erased) == (1, 1, 1)


def test_only_who_manages_the_firm_sees_the_page(
    signed_in: Callable[[StaffUser], FlaskClient], world: World
) -> None:
    assert signed_in(world.staff).get(PAGE).status_code == 403
    assert signed_in(world.staff).get(f"{PAGE}/seals.jsonl").status_code == 403
