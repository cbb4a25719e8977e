"""The second lock: with the queries' own filters off, PostgreSQL still has one firm's rows alone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from flask.cli import ScriptInfo
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.support.engines import ROOT, settings_for
from tests.support.postgres import Server
from tests.tenancy.asking import BROWSERS, OURS, Ask, answer, routes
from tests.tenancy.conftest import Installation, on_postgres
from tests.tenancy.table import ROWS
from webapp.cli import cli
from webapp.extensions import db
from webapp.models import Appointment, Base, Contact, Firm, OutboxEvent, StaffUser, tenancy
from webapp.models.engine import make_engine
from webapp.queries import health, identity
from webapp.vocabulary import Role
from webapp.worker import Worker

OF_A_FIRM = [table for table in Base.metadata.sorted_tables if "firm_id" in table.c]
FILTER = re.compile(r"(?:\w+\.)?firm_id = (%\(\w+\)s)(::\w+)?")


@pytest.fixture(scope="module")
def site(
    standing_clock: None,
    site_server: Server,
    site_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Both firms on PostgreSQL, the application being an ordinary role."""
    yield from on_postgres(site_server, site_template, tmp_path_factory.mktemp("tenancy"))


def foreign(session: Session, firm_id: int) -> dict[str, int]:
    """How many rows of other firms each table shows to a question that leaves the firm out."""
    found = {}
    for table in OF_A_FIRM:
        rows = session.scalars(sa.select(table.c.firm_id)).all()
        found[table.name] = len([each for each in rows if each != firm_id])
    return found


@contextmanager
def unlocked(engine: Engine) -> Iterator[None]:
    """The policies are off meanwhile."""
    _switch(engine, "DISABLE")
    try:
        yield
    finally:
        _switch(engine, "ENABLE")


def _switch(engine: Engine, verb: str) -> None:
    """For all tables. What a page left open when it broke, another firm's rows in hand, is cut off before.

    An automatic VACUUM may stand in the same list and is nobody's to end; it gives way by itself.
    """
    rest = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    rest += "WHERE pid <> pg_backend_pid() AND datname = current_database() AND usename = current_user"
    with engine.begin() as connection:
        connection.exec_driver_sql(rest)
        for table in OF_A_FIRM:
            connection.exec_driver_sql(f"ALTER TABLE {table.name} {verb} ROW LEVEL SECURITY")


@contextmanager
def without_filters(engine: Engine) -> Iterator[list[str]]:
    """Every ``firm_id = …`` that the application asks for is true meanwhile; gives what was changed."""
    changed: list[str] = []

    def let_all_pass(_c: Any, _cursor: Any, sql: str, parameters: Any, _x: Any, _many: bool) -> Any:
        opened = FILTER.sub(r"(\1)::bigint IS NOT NULL", sql) if sql.startswith("SELECT") else sql
        if opened != sql:
            changed.append(opened)
        return opened, parameters

    sa.event.listen(engine, "before_cursor_execute", let_all_pass, retval=True)
    try:
        yield changed
    finally:
        sa.event.remove(engine, "before_cursor_execute", let_all_pass)


@contextmanager
def asking(site: Installation) -> Iterator[Session]:
    """The session of a request of our manager's."""
    with site.app.test_request_context("/"):
        session = db.session()
        me = identity.find(session, token=site.ours.cookies[Role.MANAGER], now=NOW)
        assert me is not None
        yield session
        session.rollback()


def test_every_table_of_a_firm_is_locked_also_for_its_owner(site: Installation) -> None:
    with site.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity, p.polqual, p.polwithcheck "
                "FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid "
                "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
            )
        ).all()
        role = connection.scalar(
            sa.text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = USER")
        )
    assert role is False
    locked = {name for name, forced, shown, taken in rows if forced and shown and taken}
    assert locked == {table.name for table in OF_A_FIRM}
    assert len(rows) == len({name for name, *_rest in rows}), "A second policy would widen the first."


def test_a_question_without_the_firm_finds_no_row_of_another(site: Installation) -> None:
    firm_id = site.ours.ids["firm_id"]
    with asking(site) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Appointment)) > 5
        assert foreign(session, firm_id) == dict.fromkeys(map(str, OF_A_FIRM), 0)
    with unlocked(site.engine), asking(site) as session:
        seen = foreign(session, firm_id)
        assert len([name for name, count in seen.items() if count]) > 25, "There was nothing to hide."


def _pages(site: Installation) -> list[Ask]:
    manager = next(asker for asker in BROWSERS if asker.role is Role.MANAGER)
    return [
        Ask(rule, "GET", manager, (OURS,) * len(ROWS[rule.endpoint].fill), 0)
        for rule in routes(site.app)
        if "GET" in (rule.methods or ())
        and not ROWS[rule.endpoint].slow
        and not rule.endpoint.startswith("api.")
    ]


def _leaks(site: Installation, pages: list[Ask]) -> list[str]:
    with without_filters(site.engine) as changed:
        texts = {str(ask): answer(site, ask).text for ask in pages}
    assert len(changed) > 200, "The filters were still on."
    return [page for page, text in texts.items() if site.theirs.mark.lower() in text.lower()]


def test_with_every_filter_of_the_application_off_no_page_shows_another_firm(site: Installation) -> None:
    pages = _pages(site)
    assert len(pages) > 70
    assert _leaks(site, pages) == []
    with unlocked(site.engine):
        shown = [ask for ask in pages if "as_file" not in ask.rule.endpoint and "csv" not in ask.rule.rule]
        assert len(_leaks(site, shown)) > 20, "There was nothing to leak."


def test_who_says_for_whom_it_works_has_rows_and_nobody_else(site: Installation) -> None:
    with Session(site.engine) as session:
        for table in OF_A_FIRM:
            assert session.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table.name
    with Session(site.engine, info=tenancy.EVERY_FIRM) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Firm)) == 2


def test_a_row_of_another_firm_is_neither_written_nor_changed_nor_moved(site: Installation) -> None:
    theirs, refused = site.theirs.ids, "row-level security"
    stolen = {"firm_id": theirs["firm_id"], "name": "X", "sort_name": "x", "created_at": NOW}
    with asking(site) as session:
        with pytest.raises(ProgrammingError, match=refused), session.begin_nested():
            session.execute(sa.insert(Contact).values(**stolen))
        with pytest.raises(ProgrammingError, match=refused), session.begin_nested():
            session.execute(sa.update(Contact.__table__).values(firm_id=theirs["firm_id"]))
        table = Contact.__table__
        aimed = table.c.contact_id == theirs["contact"]
        for change in (sa.update(table).where(aimed).values(notes="Mine"), sa.delete(table).where(aimed)):
            assert session.connection().execute(change).rowcount == 0


def test_a_connection_takes_nothing_along(site: Installation) -> None:
    """One connection for all: after a commit, a roll-back, an error, it knows no firm."""
    engine = make_engine(
        str(site.engine.url.render_as_string(hide_password=False)), pool_size=1, max_overflow=0
    )
    setting = sa.text(f"SELECT coalesce(current_setting('{tenancy.SETTING}', true), '')")

    def at_rest() -> str:
        with engine.connect() as connection:
            return str(connection.scalar(setting))

    for end in ("commit", "rollback", "close"):
        with Session(engine) as session:
            tenancy.enter(session, site.ours.ids["firm_id"])
            assert session.scalar(setting) == str(site.ours.ids["firm_id"])
            getattr(session, end)()
        assert at_rest() == ""
    with Session(engine, info=tenancy.EVERY_FIRM) as session, pytest.raises(ProgrammingError):
        session.execute(sa.text("SELECT nonsense"))
    assert at_rest() == ""
    with engine.connect().execution_options(firm=site.theirs.ids["firm_id"]) as connection:
        assert connection.scalar(sa.select(Firm.slug)) == site.theirs.ids["slug"]
    assert at_rest() == ""
    engine.dispose()


def test_a_look_up_sees_all_firms_and_then_no_more_than_before(site: Installation) -> None:
    everybody = sa.select(sa.func.count()).select_from(StaffUser)
    with asking(site) as session:
        ours = session.scalar(everybody)
        with tenancy.every_firm(session):
            assert session.scalar(everybody) > ours
        assert session.scalar(everybody) == ours
        with pytest.raises(ProgrammingError), tenancy.every_firm(session):
            session.execute(sa.text("SELECT nonsense"))
        assert session.scalar(everybody) == ours
        with tenancy.every_firm(session):
            tenancy.enter(session, site.theirs.ids["firm_id"])
        assert session.scalar(sa.select(Firm.firm_id)) == site.theirs.ids["firm_id"]


def test_few_places_see_every_firm() -> None:
    """What looks something up before it is known whose it is, what works for all, and nothing else."""
    found = {
        str(path.relative_to(ROOT / "webapp"))
        for path in (ROOT / "webapp").rglob("*.py")
        if re.search(r"\b(every_firm|EVERY_FIRM|tenancy\.EVERY)\b", path.read_text())
    }
    assert found - {"models/tenancy.py", "extensions.py", "worker.py"} == {
        *("queries/identity.py", "queries/client_link.py", "queries/attendance.py", "queries/operation.py"),
        *("lifecycle/tokens.py", "lifecycle/links.py", "lifecycle/feeds.py", "lifecycle/invitations.py"),
        *("lifecycle/signing_in.py", "lifecycle/access.py"),
        *("cli/demo.py", "cli/sweep.py", "cli/audit.py", "cli/backup.py"),
    }


def test_one_browser_after_another_sees_its_own_firm(site: Installation) -> None:
    for _turn in range(3):
        for mine, other in ((site.ours, site.theirs), (site.theirs, site.ours)):
            browser: FlaskClient = site.app.test_client()
            browser.set_cookie("daybook", mine.cookies[Role.MANAGER])
            text = browser.get("/contacts").text
            assert mine.mark in text
            assert other.mark not in text
            assert site.app.test_client().get("/day/2026-01-14").status_code == 303


def test_a_browser_that_signs_in_at_another_firm_leaves_the_first(site: Installation) -> None:
    site.as_it_was()
    browser = site.visitor(Role.STAFF)
    link = site.theirs.ids["invited_link"]
    sent = {"password": "four other words here", "repeated": "four other words here"}
    assert browser.post(f"/invitation/{link}", data=sent).status_code == 303
    assert site.theirs.mark in browser.get("/contacts").text
    assert site.visitor(Role.STAFF).get("/contacts").status_code == 303
    site.as_it_was()


def test_the_worker_works_for_every_firm(site: Installation, tmp_path: Path) -> None:
    site.as_it_was()
    settings = settings_for(str(site.engine.url.render_as_string(hide_password=False)), tmp_path)
    assert Worker(site.engine, settings).run(once=True)
    with Session(site.engine, info=tenancy.EVERY_FIRM) as session:
        waiting = sa.select(sa.func.count()).where(OutboxEvent.handled_at.is_(None))
        assert session.scalar(waiting) == 0
        closed = sa.select(Appointment.status).where(
            Appointment.appointment_id.in_([site.ours.ids["suggested"], site.theirs.ids["suggested"]])
        )
        assert {status.value for status in session.scalars(closed)} == {"no_show"}
    site.as_it_was()


def test_commands_see_every_firm(site: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.as_it_was()
    found = _run(site, tmp_path, monkeypatch, "verify")
    assert "Every invariant holds" in found
    assert "superuser" not in found
    out = tmp_path / "week.csv"
    _run(
        site,
        tmp_path,
        monkeypatch,
        "report",
        "week",
        "--firm",
        "harbour",
        "--date",
        "2026-01-13",
        "--out",
        str(out),
    )
    assert site.theirs.mark in out.read_text()
    assert site.ours.mark not in out.read_text()
    _run(site, tmp_path, monkeypatch, "sweep", "--at", "2026-01-13T10:00:00Z")
    site.as_it_was()


def _run(site: Installation, folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    url = site.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DAYBOOK_INSTANCE", str(folder / "instance"))
    monkeypatch.setenv("SECRET_KEY", site.app.config["SECRET_KEY"])
    from webapp.cli.base import load_app

    result = CliRunner().invoke(cli, words, obj=ScriptInfo(create_app=load_app, set_debug_flag=False))
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def test_a_role_that_no_policy_binds_is_told_of(site: Installation, postgres_server: Server) -> None:
    with Session(site.engine) as session:
        assert health.open_lock(session) == ""
    database = str(site.engine.url.database)
    engine = make_engine(postgres_server.url(database))
    with Session(engine) as session:
        assert "superuser" in health.open_lock(session)
    engine.dispose()
    with unlocked(site.engine), Session(site.engine) as session:
        assert "policies" in health.open_lock(session)
