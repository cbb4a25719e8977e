"""The application over a fresh database: called in process (``client``) or over HTTP (``live_server``)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.engines import dispose, make_app, settings_for
from webapp.config import Settings


@dataclass(frozen=True)
class LiveServer:
    """Where the application is served. Tokens against forged requests are on, as for real visitors."""

    url: str
    app: Flask


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing for each request; what goes wrong is logged by the application itself."""


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings for ``database_url``, with everything else of an installation in a temporary folder."""
    return settings_for(database_url, tmp_path)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application. Its token check is off, so tests may post plainly; a test of the check turns it on."""
    app = make_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    yield app
    with app.app_context():
        dispose(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor who is not signed in."""
    return app.test_client()


@pytest.fixture
def live_server(settings: Settings) -> Iterator[LiveServer]:
    """The application on a free port of this machine, in a thread, so that a moved clock moves it too."""
    app = make_app(settings)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield LiveServer(f"http://127.0.0.1:{server.server_port}", app)
    server.shutdown()
    thread.join()
    server.server_close()
    with app.app_context():
        dispose(app)
