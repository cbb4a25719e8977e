"""The migrations and the models say the same, and every step up has its step down, on both engines."""

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask
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
