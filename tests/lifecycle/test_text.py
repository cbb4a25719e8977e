"""What people type: kept as it is read, refused with a sentence where it cannot be kept."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.factories import DAY, World, at_status, draft
from tests.lifecycle import rows
from webapp.lifecycle import appointments, booking, details
from webapp.lifecycle.appointments import NewSlot
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.text import one_line, prose
from webapp.models import Appointment
from webapp.vocabulary import CancelledBy, NoShowParty, Status

BAD = ["a\x00b", "\ud800", "ab\udfffc", "\x07", "\x1b[31m", "\x7f", "a\x9bb"]
"""NUL, lone surrogates, bell, escape and the other control characters."""

Step = Callable[[Session, World, str], Any]


def book(session: Session, world: World, **texts: str) -> Appointment:
    return booking.book(session, actor=world.acting(), draft=draft(world, **texts), now=world.now)


def made(session: Session, world: World, status: Status) -> dict[str, Any]:
    appointment = at_status(session, status, world)
    return {"session": session, "appointment": appointment, "actor": world.acting(world.manager)}


def edit(session: Session, world: World, location: str = "", notes: str = "") -> bool:
    facts = made(session, world, Status.CONFIRMED)
    number = world.contact.contact_id
    return details.edit(
        **facts, location=location, notes=notes, contact_id=number, now=world.now, expected_version=1
    )


def move(session: Session, world: World, text: str) -> Appointment:
    start = world.now + 2 * DAY
    slot = NewSlot(start_time=start, end_time=start + DAY / 24)
    return appointments.reschedule(
        **made(session, world, Status.CONFIRMED), slot=slot, reason=text, now=world.now
    )


STEPS: dict[str, tuple[str, int, Step]] = {
    "book, reason": ("reason", 500, lambda s, w, text: book(s, w, reason=text)),
    "book, location": ("location", 120, lambda s, w, text: book(s, w, location=text)),
    "book, notes": ("notes", 4000, lambda s, w, text: book(s, w, notes=text)),
    "edit, location": ("location", 120, lambda s, w, text: edit(s, w, location=text)),
    "edit, notes": ("notes", 4000, lambda s, w, text: edit(s, w, notes=text)),
    "reschedule": ("reason", 500, move),
    "decline": (
        "reason",
        500,
        lambda s, w, text: appointments.decline(**made(s, w, Status.REQUESTED), reason=text, now=w.now),
    ),
    "cancel": (
        "reason",
        500,
        lambda s, w, text: appointments.cancel(
            **made(s, w, Status.CONFIRMED), reason=text, cancelled_by=CancelledBy.CLIENT, now=w.now
        ),
    ),
    "mark no-show": (
        "note",
        500,
        lambda s, w, text: appointments.mark_no_show(
            **made(s, w, Status.CONFIRMED), party=NoShowParty.CLIENT, note=text, now=w.now + 2 * DAY
        ),
    ),
    "correct": (
        "reason",
        500,
        lambda s, w, text: appointments.correct(
            **made(s, w, Status.COMPLETED), to=Status.NO_SHOW, party=NoShowParty.BOTH, reason=text, now=w.now
        ),
    ),
}


@pytest.mark.parametrize("text", [*BAD, "too long"], ids=ascii)
@pytest.mark.parametrize("name", STEPS)
@pytest.mark.one_engine("sqlite")  # the text never reaches the database
def test_it_is_refused_with_the_field_named(session: Session, world: World, name: str, text: str) -> None:
    field, limit, step = STEPS[name]
    with pytest.raises(Invalid) as refusal:
        step(session, world, "é" * (limit + 1) if text == "too long" else text)
    assert refusal.value.field == field
    changed = [found for found in rows.everything(session)["appointment_status_history"] if found[3] != "1"]
    assert len(changed) == (name == "correct")
    assert not rows.audit(session)


@pytest.mark.parametrize("name", STEPS)
def test_the_longest_text_is_kept_whole(session: Session, world: World, name: str) -> None:
    _, limit, step = STEPS[name]
    step(session, world, "é🙂" * (limit // 2))
    session.commit()


def test_a_text_too_long_is_told_by_how_much() -> None:
    with pytest.raises(Invalid, match=r"^Keep this to 4,000 characters; it has 4,001\.$"):
        prose("x" * 4001, 4000, "notes")


@given(st.text())
def test_what_is_kept_is_tidy_and_stays_so(text: str) -> None:
    for tidy in (one_line, prose):
        try:
            kept = tidy(text, 500, "reason")
        except Invalid:
            continue
        assert kept == kept.strip()
        assert not {"\x00", "\r"} & set(kept)
        assert tidy(kept, 500, "reason") == kept
        kept.encode()


def test_a_single_line_has_no_line_ends() -> None:
    assert one_line(" Room\n 3\t", 120, "location") == "Room 3"


def test_accents_are_composed() -> None:
    assert prose("e\u0301", 1, "reason") == "\u00e9"


def test_nothing_is_an_empty_text() -> None:
    assert (one_line(None, 10, "location"), prose(None, 10, "notes")) == ("", "")
