"""The application factory."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import Flask, Response, request
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import api, problems, ui
from webapp.config import Settings
from webapp.extensions import compress, csrf, db, migrate
from webapp.models.engine import engine_options, prepare, sqlite_warning
from webapp.ui import errors, observing

MIGRATIONS = Path(__file__).parent.parent / "migrations"
MAX_BODY = 1024 * 1024  # bytes


def create_app(settings: Settings) -> Flask:
    """Build the application for one frozen set of settings. Opens no connection."""
    app = Flask("webapp", instance_path=str(settings.instance_path))
    secure = settings.tls
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url.replace("postgresql://", "postgresql+psycopg://", 1),
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url),
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        SESSION_COOKIE_NAME="__Host-daybook-form" if secure else "daybook-form",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=1),
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_BR_LEVEL=4,
        COMPRESS_MIN_SIZE=600,
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    if settings.proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies, x_host=settings.proxies
        )
    settings.instance_path.mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS))
    csrf.init_app(app)
    compress.init_app(app)
    with app.app_context():
        sa.event.listen(prepare(db.engine), "before_cursor_execute", observing.count_statement)
    ui.install(app)
    api.install(app)
    _end_reading_with_commit(app)
    _answer_when_the_database_does_not(app)
    if db_warning := _warning(settings):
        app.logger.warning(db_warning)
    return app


def _end_reading_with_commit(app: Flask) -> None:
    """End what a page has read with COMMIT. psycopg forgets its prepared statements at a ROLLBACK, and
    planning is most of what a page's SQL costs on PostgreSQL: five times faster on the board.
    """

    @app.teardown_request
    def commit(error: BaseException | None) -> None:
        if error is None and request.method in {"GET", "HEAD"} and db.session.registry.has():
            with suppress(SQLAlchemyError):
                db.session.commit()


def _answer_when_the_database_does_not(app: Flask) -> None:
    def unavailable(error: Exception) -> Response:
        app.logger.error("database unavailable: %s", error.__class__.__name__, exc_info=error)
        return problems.plain(503) if problems.asked() else errors.unavailable()

    for kind in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(kind, unavailable)


def _warning(settings: Settings) -> str | None:
    return sqlite_warning() if settings.database_url.startswith("sqlite") else None
