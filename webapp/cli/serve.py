"""``daybook serve``: the site by gunicorn, two processes of four threads."""

import gc
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from gunicorn.app.base import BaseApplication
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import BadRequest

from webapp import demo
from webapp.cli import together
from webapp.cli.base import load_app, require_head, settings
from webapp.cli.server_log import JsonServerLog, ServerLog
from webapp.config import Settings
from webapp.extensions import db
from webapp.lifecycle.log_lines import to_stderr
from webapp.queries import health

WORKERS = 2
THREADS = 4
MOST_THREADS = 20  # each may hold a connection of the database, and a process has that many
SWITCH = 0.0005  # seconds that a thread computes before another may, whose answer has come from the database
GRACE = 20  # seconds that a request may still take when the server is told to stop


class Server(BaseApplication):
    """Gunicorn without its own command line and configuration files."""

    def __init__(self, chosen: Settings, options: dict[str, Any], figures: Path | None) -> None:
        self.chosen, self.options, self.figures = chosen, options, figures
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made in each worker after the fork: no connection is shared.

        What it is made of lives as long as the process. To look through it for garbage every few seconds
        would keep everybody waiting for 150 ms each time.
        """
        if _logs(self.chosen):
            to_stderr(as_json=self.chosen.log == "json")
        sys.setswitchinterval(SWITCH)
        app = load_app()
        if self.figures is not None:
            app.extensions["figures"].share(self.figures)
        app.register_error_handler(ParseException, _unreadable)
        gc.collect()
        gc.freeze()
        return app


def _unreadable(_error: ParseException) -> Any:
    """The body breaks off or is not in the chunks that it says: 400, like everything else that is no HTTP."""
    return current_app.handle_http_exception(BadRequest())


@click.command(short_help="Serve the site.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--workers", default=WORKERS, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option(
    "--threads",
    default=THREADS,
    show_default=True,
    type=click.IntRange(1, MOST_THREADS),
    help="Of each process.",
)
@click.option(
    "--with-worker", is_flag=True, help="Run a worker beside the site, in one terminal; both stop together."
)
@with_appcontext
def serve(host: str, workers: int, threads: int, with_worker: bool) -> None:
    """Serve the site on PORT. Stops at once on Ctrl-C, and lets running requests end on SIGTERM."""
    require_head()
    if with_worker:
        db.session.remove()
        db.engine.dispose()
        options = ["--host", host, "--workers", str(workers), "--threads", str(threads)]
        sys.exit(together.run({"web": ["serve", *options], "worker": ["worker"]}))
    chosen = settings()
    bind = f"[{host}]:{chosen.port}" if ":" in host else f"{host}:{chosen.port}"
    if not chosen.production:
        for line in demo.sign_ins(db.session()):
            click.echo(line)
    if warning := health.open_lock(db.session()):
        click.echo(warning, err=True)
    click.echo(f"Daybook is at http://{bind}/ (Ctrl-C stops it).")
    db.session.remove()
    db.engine.dispose()  # the workers open their own
    figures = Path(tempfile.mkdtemp(prefix="daybook-figures-")) if chosen.metrics_token else None
    Server(chosen, _options(bind, workers, threads, chosen, figures), figures).run()


def _logs(chosen: Settings) -> bool:
    """Whether each request gets a line. A developer's terminal has what goes wrong, and traces of it."""
    return chosen.production or chosen.log == "json"


def _options(bind: str, workers: int, threads: int, chosen: Settings, figures: Path | None) -> dict[str, Any]:
    shared: dict[str, Any] = {}
    if figures is not None:  # the first process that ends must not take along what the others still count in
        shared = {
            "raw_env": [f"PROMETHEUS_MULTIPROC_DIR={figures}"],
            "on_exit": lambda _server: shutil.rmtree(figures, ignore_errors=True),
        }
    return shared | {
        "bind": bind,
        "workers": workers,
        "worker_class": "gthread",
        "threads": threads,
        "graceful_timeout": GRACE,
        "preload_app": False,
        "control_socket_disable": True,
        "accesslog": None,
        "logger_class": JsonServerLog if chosen.log == "json" else ServerLog,
        "loglevel": "info" if chosen.production else "warning",
        "proc_name": "daybook",
    }
