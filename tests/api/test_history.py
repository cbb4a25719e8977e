"""``GET /appointments/{id}/history``."""

from sqlalchemy.orm import Session

from tests.factories import World, at_status
from tests.support.api import Program
from webapp.vocabulary import Status


def test_a_fresh_program_reads_an_appointment(api: Program, session: Session, world: World) -> None:
    made = at_status(session, Status.CONFIRMED, world)
    answer = api.get(f"/appointments/{made.appointment_id}")
    assert answer.status_code == 200
