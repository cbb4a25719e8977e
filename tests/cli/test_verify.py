"""``daybook verify``: quiet on a true database, exit code 1 and the rows on one that is not."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import DAY, World, at_status
from webapp.vocabulary import OUTCOMES, Status


def test_it_says_that_every_invariant_holds(daybook: Daybook, session: Session, world: World) -> None:
    for day, status in enumerate(Status):
        past = status in OUTCOMES
        at_status(session, status, world, start=world.now + DAY * (-1 - day if past else 2 + 3 * day))
    result = daybook("verify")
    assert result.exit_code == 0, result.stdout
    assert result.stdout.startswith("Every invariant holds. Checked in ")


def test_it_finds_what_was_changed_behind_the_lifecycle(
    daybook: Daybook, session: Session, world: World
) -> None:
    appointment = at_status(session, Status.CONFIRMED, world)
    number = appointment.appointment_id
    session.execute(
        sa.text("UPDATE appointment SET status = 'requested' WHERE appointment_id = :id"), {"id": number}
    )
    session.commit()
    result = daybook("verify")
    assert result.exit_code == 1
    assert "Invariant 1 is broken: The last history row led to the appointment’s status." in result.stdout
    assert f'"appointment_id": {number}' in result.stdout
    assert result.stdout.splitlines()[-1].startswith("1 broken, 1 rows")
