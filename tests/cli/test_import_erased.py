"""``daybook import appointments`` after a person was erased: the same file does not bring them back."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.cli.files import HEADER, MAPPING, write
from tests.factories import World
from tests.support.engines import SECRET_KEY
from webapp import clock
from webapp.lifecycle import erasure
from webapp.models import Appointment, Contact, ErasedReference

REFS = (*MAPPING, "--map", "client_ref=Client ID")
ROWS = (
    "visit-1,Ada Byron,,lena@marlow.example,2026-01-05T10:00,Yes,person-7",
    "visit-2,Bob Babbage,,lena@marlow.example,2026-01-05T12:00,Yes,person-8",
)


def file(folder: Path, *rows: str) -> Path:
    return write(folder, *rows, header=f"{HEADER},Client ID")


def people(session: Session) -> set[tuple[str, str | None]]:
    session.rollback()
    found = session.execute(sa.select(Contact.name, Contact.external_ref)).all()
    return {(row.name, row.external_ref) for row in found}


@pytest.fixture
def erased(daybook: Daybook, session: Session, world: World, tmp_path: Path) -> int:
    """Ada came with a file and was erased; her contact's number."""
    assert daybook("import", "appointments", file(tmp_path, *ROWS), *REFS).exit_code == 0
    session.rollback()
    ada = session.scalars(sa.select(Contact).where(Contact.external_ref == "person-7")).one()
    erasure.erase(
        session,
        actor=world.acting(world.manager),
        contact_id=ada.contact_id,
        name=ada.name,
        why="asked for it",
        secret=SECRET_KEY,
        now=clock.now(),
    )
    session.commit()
    return ada.contact_id


def test_the_same_file_leaves_the_erased_person_out_and_says_since_when(
    daybook: Daybook, session: Session, erased: int, tmp_path: Path
) -> None:
    before = people(session)
    result = daybook("import", "appointments", file(tmp_path, *ROWS), *REFS)
    assert f"Line 2: The client was erased on {clock.now():%Y-%m-%d} (UTC)." in result.stderr
    assert "0 imported, with 0 new contacts; 1 were there already; 1 left out." in result.stdout
    assert people(session) == before
    assert "person-7" not in {ref for _name, ref in before}


@pytest.mark.parametrize(
    ("row", "options"),
    [
        ("visit-9,Ada Byron,,lena@marlow.example,2026-01-06T10:00,Yes,person-7", REFS),
        ("visit-1,Ada Byron,,lena@marlow.example,2026-01-05T10:00,Yes,", MAPPING),
    ],
    ids=["a new row with her reference", "her row without it"],
)
def test_either_reference_is_enough(
    daybook: Daybook, session: Session, erased: int, tmp_path: Path, row: str, options: tuple[str, ...]
) -> None:
    before = people(session)
    result = daybook("import", "appointments", file(tmp_path, row), *options)
    assert "The client was erased on" in result.stderr
    assert people(session) == before


def test_nothing_that_stays_holds_a_reference(session: Session, erased: int) -> None:
    kept = session.scalars(sa.select(ErasedReference)).all()
    assert {row.contact_id for row in kept} == {erased}
    assert all(len(row.trace) == 64 and set(row.trace) <= set("0123456789abcdef") for row in kept)
    refs = set(session.scalars(sa.select(Appointment.external_ref)))
    assert "visit-2" in refs
    assert "visit-1" not in refs


def test_a_row_of_somebody_called_erased_is_not_hung_on_an_erased_person(
    daybook: Daybook, session: Session, erased: int, tmp_path: Path
) -> None:
    row = "visit-3,Erased,,lena@marlow.example,2026-01-07T10:00,Yes,"
    assert daybook("import", "appointments", file(tmp_path, row), *MAPPING).exit_code == 0
    session.rollback()
    whose = session.scalar(sa.select(Appointment.contact_id).where(Appointment.external_ref == "visit-3"))
    assert whose != erased
