"""Appointment types on both engines: a name is taken by one of them."""

import pytest
from sqlalchemy.orm import Session

from tests.factories import World
from webapp.lifecycle import types
from webapp.lifecycle.errors import Forbidden, Invalid
from webapp.lifecycle.types import TypeFacts
from webapp.models import AppointmentType


def test_a_name_taken_in_this_very_moment_is_refused(
    session: Session, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two managers add the same type at once: both looked before either wrote."""
    monkeypatch.setattr(types, "_unused", lambda *_: None)
    with pytest.raises(Invalid) as refused:
        types.create(
            session,
            actor=world.acting(world.manager),
            facts=TypeFacts(name="Review", duration=45),
            now=world.now,
        )
    assert refused.value.field == "name"


def test_staff_change_no_types(session: Session, world: World) -> None:
    facts = TypeFacts(name="Talk", duration=45)
    with pytest.raises(Forbidden):
        types.create(session, actor=world.acting(), facts=facts, now=world.now)
    with pytest.raises(Forbidden):
        types.retire(session, world.kind, actor=world.acting(), now=world.now)
    assert session.get_one(AppointmentType, world.kind.appointment_type_id).retired_at is None
