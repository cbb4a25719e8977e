"""The import at scale: the medical no-show data set, all of it, on both engines' terms.

``DAYBOOK_DATA`` names the folder it lies in; without it, ``../shared/data`` beside the repository is tried.
"""

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from tests.cli.conftest import Daybook
from tests.factories import NOW
from tests.support.demand import missing
from tests.support.engines import ROOT
from webapp.models import Appointment, AppointmentType, Contact, ContactTerm, Firm, StaffUser
from webapp.queries import invariants
from webapp.queries.analytics import listing, tallies
from webapp.queries.analytics.classes import Figure
from webapp.queries.analytics.cohort import Scope
from webapp.queries.analytics.listing import Slice
from webapp.vocabulary import Role

NAME = "medical-no-shows.csv.gz"
ROWS, NO_SHOWS, PATIENTS = 110_527, 22_319, 62_299
BUSIEST_DAY = 4692
MAPPING = (
    "--firm", "vitoria", "--by", "Ana", "--spread",
    "--map", "external_ref=AppointmentID",
    "--map", "client_ref=PatientId",
    "--map", "date=AppointmentDay",
    "--map", "booked_at=ScheduledDay",
    "--map", "location=Neighbourhood",
    "--map", "status=No-show",
    "--status-map", "Yes=no_show:client",
    "--status-map", "No=completed",
    "--default", "staff_email=desk@vitoria.example",
    "--default", "type=Consultation",
)  # fmt: skip


@pytest.fixture
def file() -> Path:
    path = Path(os.environ.get("DAYBOOK_DATA") or ROOT.parent / "shared" / "data") / NAME
    if not path.exists():
        missing(f"{NAME} is not in {path.parent}; DAYBOOK_DATA names its folder", "DAYBOOK_REQUIRE_DATA")
    return path


@pytest.fixture
def vitoria(session: Session) -> int:
    """A firm whose one calendar takes everything."""
    firm = Firm(name="Vitória", slug="vitoria", timezone="America/Sao_Paulo", created_at=NOW)
    session.add(firm)
    session.flush()
    session.add_all(
        [
            StaffUser(
                firm_id=firm.firm_id,
                email="desk@vitoria.example",
                name="Desk",
                role=Role.STAFF,
                created_at=NOW,
            ),
            AppointmentType(firm_id=firm.firm_id, name="Consultation", duration=15, created_at=NOW),
        ]
    )
    number = firm.firm_id
    session.commit()
    return number


@pytest.mark.one_engine("sqlite")  # scale on one engine; what is written is compared on both elsewhere
def test_every_row_comes_over_and_the_no_show_rate_is_the_known_one(
    daybook: Daybook, session: Session, vitoria: int, file: Path
) -> None:
    first = daybook("import", "appointments", file, *MAPPING)
    assert first.exit_code == 0, first.output
    assert f"{ROWS:,} imported, with {PATIENTS:,} new contacts" in first.stdout
    assert "0 left out." in first.stdout
    rate = "SELECT count(*), sum(status = 'no_show'), round(100.0 * sum(status = 'no_show') / count(*), 2)"
    assert session.execute(sa.text(f"{rate} FROM appointment")).one() == (ROWS, NO_SHOWS, 20.19)
    assert list(invariants.check(session)) == []
    day = sa.func.date(sa.type_coerce(Appointment.start_time, sa.String))
    per_day = sa.select(sa.func.count().label("n")).select_from(Appointment).group_by(day)
    busiest = session.scalar(per_day.order_by(sa.desc("n")))
    assert busiest == BUSIEST_DAY
    late = sa.select(sa.func.count()).where(Appointment.status_reason.like("%booked after its start%"))
    assert session.scalar(late) == 5, "the rows booked after their day come over with a warning"
    assert session.scalar(sa.select(sa.func.count(Contact.contact_id))) == PATIENTS
    found = sa.select(sa.func.count()).where(ContactTerm.term == "29872499824296")
    assert session.scalar(found) == 1, "a patient is found by the reference"
    assert_the_report_tells_the_same(session, vitoria)
    session.rollback()

    second = daybook("import", "appointments", file, *MAPPING)
    assert f"0 imported, with 0 new contacts; {ROWS:,} were there already" in second.stdout


def assert_the_report_tells_the_same(session: Session, firm_id: int) -> None:
    """20.19 % with its interval, and a list of exactly those who did not come."""
    zone = ZoneInfo("America/Sao_Paulo")
    since, before = datetime(2016, 4, 29, tzinfo=zone), datetime(2016, 6, 9, tzinfo=zone)
    scope = Scope(firm_id=firm_id, zone=zone, since=since, before=before, now=NOW)
    rate = tallies.load(session, scope, scope.during(since - (before - since), since)).total.no_show
    assert (rate.part, rate.whole) == (NO_SHOWS, ROWS)
    assert rate.interval == pytest.approx((0.1996, 0.2043), abs=5e-5)
    part = Slice(figure=Figure.NO_SHOW)
    assert listing.page(session, scope, part).count == NO_SHOWS
    assert sum(1 for _ in listing.stream(session.get_bind(), scope, part)) == NO_SHOWS
