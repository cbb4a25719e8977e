"""``daybook`` with a flaw that the harness must find: ``leak``, ``slow`` or ``broken``."""

import sys
import time
from collections.abc import Callable
from itertools import count

from flask import Flask, abort, request

from webapp.cli import main as daybook
from webapp.cli import serve

KEPT = 1_000_000  # bytes that each request leaves behind
PAUSE = 3.0  # seconds
EACH = 5
numbers = count(1)


def leak(app: Flask) -> None:
    """Something of every request is kept."""
    kept: list[bytearray] = []
    app.before_request(lambda: kept.append(bytearray(b"x" * KEPT)))


def slow(app: Flask) -> None:
    """Now and then somebody waits."""

    @app.before_request
    def wait() -> None:
        if request.endpoint == "board.show" and next(numbers) % EACH == 0:
            time.sleep(PAUSE)


def broken(app: Flask) -> None:
    """Now and then a page does not come."""

    @app.before_request
    def fail() -> None:
        if request.endpoint == "board.show" and next(numbers) % EACH == 0:
            abort(500)


FLAWS: dict[str, Callable[[Flask], None]] = {"leak": leak, "slow": slow, "broken": broken}


def main() -> None:
    """Be ``daybook`` with the flaw that the first argument names."""
    put_in, make = FLAWS[sys.argv.pop(1)], serve.load_app

    def load_app() -> Flask:
        app = make()
        put_in(app)
        return app

    serve.load_app = load_app
    daybook()


if __name__ == "__main__":
    main()
