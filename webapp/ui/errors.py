"""Pages for what went wrong: each says what happened and what to do next."""

from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from webapp import problems
from webapp.lifecycle.errors import Conflict, DomainError, Forbidden, Invalid, Missing, Unavailable
from webapp.lifecycle.log_lines import HideTokens
from webapp.ui import observing

PAGES = {
    400: ("The request could not be read", "Go back, reload the page and try again."),
    401: ("Sign in first", "Sign in, then repeat what you were doing."),
    403: ("Your role does not include this", "Ask a manager of your firm to do it or to change your role."),
    404: ("There is nothing here", "Check the address, or find the appointment by its client or reference."),
    405: ("This address does not take that", "Go back to the page you came from and use its buttons."),
    413: ("That is too much at once", "Shorten the text and send it again."),
    429: ("Too many tries", "Wait a few minutes, then try again."),
    500: (
        "Something broke on our side",
        "Nothing was saved. Try again; if it happens again, tell whoever runs Daybook.",
    ),
    501: ("This installation cannot do that", "Ask whoever runs Daybook to install what is missing."),
    503: ("The database does not answer", "Nothing was saved. Wait a moment, then try again."),
}


def page(
    code: int, sentence: str = "", title: str = "", actions: list[tuple[str, str]] | None = None
) -> Response:
    """An error page; ``actions`` are links onward, the first one the main way."""
    known, next_step = PAGES.get(code, PAGES[500 if code >= 500 else 400])
    response = make_response(
        render_template(
            "errors/error.html",
            code=code,
            title=title or known,
            sentence=sentence,
            next_step=next_step,
            actions=actions,
            reference=g.get("request_id") if code >= 500 else None,
        ),
        code,
    )
    response.headers["HX-Retarget"] = "body"
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def install(app: Flask) -> None:
    app.logger.addFilter(HideTokens())

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if error.response is not None:
            return error.get_response()  # type: ignore[return-value]
        if problems.asked():
            return problems.plain(error.code or 500, _of_route(error))
        return page(error.code or 500)

    @app.errorhandler(CSRFError)
    def csrf_error(_error: CSRFError) -> Response:
        app.logger.warning(
            "form refused: its token is stale or forged on %s %s", request.method, observing.route()
        )
        return page(
            400,
            "This form was made before you last signed in, so it was not accepted. Nothing was changed.",
            "Reload and try again",
        )

    @app.errorhandler(Unavailable)
    def database_unavailable(error: Unavailable) -> Response:
        app.logger.error("database unavailable on %s %s", request.method, observing.route(), exc_info=error)
        return problems.plain(503) if problems.asked() else unavailable()

    @app.errorhandler(DomainError)
    def domain_error(error: DomainError) -> Response:
        codes = {Forbidden: 403, Missing: 404, Conflict: 409, Invalid: 422}
        code = next((code for kind, code in codes.items() if isinstance(error, kind)), 400)
        titles = {403: "", 404: "", 409: "Not saved", 422: "There is a problem"}
        return page(code, error.sentence, titles.get(code, ""))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        app.logger.exception("unhandled error on %s %s", request.method, observing.route(), exc_info=error)
        g.failed = True
        return problems.plain(500) if problems.asked() else page(500)


def _of_route(error: HTTPException) -> dict[str, str]:
    """Which methods an address takes, where it was the method that was wrong."""
    return {name: value for name, value in error.get_headers() if name == "Allow"}


def unavailable() -> Response:
    """503 with Retry-After, rendered without the database."""
    g.failed = True
    g.me = None
    again = request.full_path.rstrip("?") if request.method == "GET" else "/day"
    response = page(503, actions=[("Try again", again)])
    response.headers["Retry-After"] = "5"
    return response
