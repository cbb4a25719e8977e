"""The migrations and the models say the same, and every step up has its step down, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tests.support.postgres import Server
from webapp.extensions import db, migrate
from webapp.models import Base
from webapp.models.engine import engine_options, make_engine, prepare
from webapp.queries.invariants import check

MIGRATIONS = str(Path(__file__).resolve().parents[2] / "migrations")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database with nothing in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    server: Server = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def migrating(empty_url: str) -> Iterator[Flask]:
    """The smallest application that can run the migrations, with its context open."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = empty_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(empty_url)
    db.init_app(app)
    migrate.init_app(app, db, directory=MIGRATIONS)
    with app.app_context():
        prepare(db.engine)
        yield app
        db.engine.dispose()


def shape(url: str) -> dict[str, object]:
    """Tables with their columns and indexes, and the guards: triggers, constraints and functions."""
    engine = make_engine(url)
    inspector = sa.inspect(engine)
    tables: dict[str, object] = {
        name: (
            [
                (column["name"], str(column["type"]), column["nullable"])
                for column in inspector.get_columns(name)
            ],
            sorted(str(index["name"]) for index in inspector.get_indexes(name)),
            sorted(str(key["name"]) for key in inspector.get_foreign_keys(name)),
            sorted(str(rule["name"]) for rule in inspector.get_check_constraints(name)),
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }
    guards = {
        "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal UNION "
        "SELECT conname FROM pg_constraint WHERE contype = 'x' UNION "
        "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prolang <> "
        "(SELECT oid FROM pg_language WHERE lanname = 'c')",
    }
    with engine.connect() as connection:
        found = sorted(connection.scalars(sa.text(guards[engine.dialect.name])))
    engine.dispose()
    return tables | ({"guards": found} if found else {})


@pytest.mark.usefixtures("migrating")
def test_up_down_and_up_again_come_to_the_same(empty_url: str) -> None:
    flask_migrate.upgrade()
    first = shape(empty_url)
    assert set(first) == {*Base.metadata.tables, "guards"}
    flask_migrate.downgrade(revision="base")
    assert shape(empty_url) == {}
    flask_migrate.upgrade()
    assert shape(empty_url) == first


@pytest.mark.usefixtures("migrating")
def test_the_models_need_no_further_migration() -> None:
    flask_migrate.upgrade()
    flask_migrate.check()


@pytest.mark.usefixtures("migrating")
def test_what_happened_before_there_was_mail_is_told_nobody(empty_url: str) -> None:
    flask_migrate.upgrade(revision="0001_baseline")
    engine = sa.create_engine(empty_url, module=make_engine(empty_url).dialect.dbapi)  # no keys on SQLite
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(
            "INSERT INTO outbox_event (firm_id, appointment_id, sequence, event_type, payload, created_at) "
            "VALUES (1, 1, 1, 'appointment.confirmed', '{}', '2026-01-13 10:00:00')"
        )
    engine.dispose()
    flask_migrate.upgrade()
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT created_at = handled_at FROM outbox_event").all()
    assert [bool(handled) for (handled,) in kept] == [True]
    engine.dispose()


@pytest.mark.usefixtures("migrating")
def test_a_new_database_has_every_guard(empty_url: str) -> None:
    flask_migrate.upgrade()
    engine = make_engine(empty_url)
    with Session(engine) as session:
        assert list(check(session)) == []
    engine.dispose()


@pytest.mark.usefixtures("migrating")
def test_a_difference_would_be_noticed() -> None:
    flask_migrate.upgrade()
    with db.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE firm ADD COLUMN nickname VARCHAR(10)"))
    with pytest.raises(SystemExit):
        flask_migrate.check()


FIRM = (
    "INSERT INTO firm (firm_id, name, slug, timezone, twelve_hour, month_first, working_hours, slot_step, "
    "reschedule_notice, cancel_notice, correction_days, confirm_hours, is_demo, created_at) VALUES (1, "
    "'Marlow', 'marlow', 'Europe/London', false, false, '{}', 15, 0, 0, 7, 24, false, '2026-01-12 09:00:00')"
)
MAIL = (
    "INSERT INTO mail_message (firm_id, template, dedup_key, recipient_name, recipient, subject, text_body, "
    "html_body, state, attempts, due_at, created_at) VALUES (1, '{kind}', '{key}', 'Ada', "
    "'ada@client.example', 'S', 'T', 'H', 'waiting', 0, '2026-01-12 09:00:00', '2026-01-12 09:00:00')"
)


@pytest.mark.usefixtures("migrating")
def test_mail_stays_as_it_is_when_a_kind_is_added_and_when_it_goes(empty_url: str) -> None:
    flask_migrate.upgrade(revision="0009_erased_reference")
    run(empty_url, FIRM)
    run(empty_url, MAIL.format(kind="poll", key="a"), MAIL.format(kind="moved", key="b"))
    run(empty_url, "INSERT INTO mail_switch (firm_id, template) VALUES (1, 'moved')")
    run(empty_url, "DELETE FROM mail_message WHERE dedup_key = 'b'")
    rows = run(empty_url, "SELECT * FROM mail_message", "SELECT * FROM mail_switch")
    with pytest.raises(IntegrityError):
        run(empty_url, MAIL.format(kind="webhook_off", key="c"))
    number = max(2, last_number(empty_url))  # PostgreSQL burns one for what it refuses
    flask_migrate.upgrade()
    assert run(empty_url, "SELECT * FROM mail_message", "SELECT * FROM mail_switch") == rows
    run(empty_url, MAIL.format(kind="webhook_off", key="c"))
    assert last_number(empty_url) == number + 1  # no number is given twice
    with pytest.raises(IntegrityError):
        run(empty_url, MAIL.format(kind="nonsense", key="d"))
    flask_migrate.downgrade(revision="0009_erased_reference")
    assert run(empty_url, "SELECT * FROM mail_message", "SELECT * FROM mail_switch") == rows
    with pytest.raises(IntegrityError):
        run(empty_url, MAIL.format(kind="webhook_off", key="c"))


def last_number(url: str) -> int:
    """The number that the newest mail was given."""
    lite = url.startswith("sqlite")
    named = "SELECT seq FROM sqlite_sequence WHERE name = 'mail_message'"
    ((number,),) = run(url, named if lite else "SELECT last_value FROM mail_message_mail_message_id_seq")
    return int(number)


def run(url: str, *statements: str) -> list[tuple[object, ...]]:
    """The rows of the statements that give any."""
    engine = make_engine(url)
    try:
        with engine.connect().execution_options(write=True) as connection, connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL daybook.firm = 'all'")
            answers = [connection.exec_driver_sql(statement) for statement in statements]
            return [tuple(row) for answer in answers if answer.returns_rows for row in answer]
    finally:
        engine.dispose()
