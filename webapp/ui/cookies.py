"""The cookie that carries a session's token: out of reach of scripts and, with TLS, of other hosts."""

from flask import Response, current_app, request

from webapp.ui.guards import cookie_name


def token() -> str | None:
    """The token that the browser sent, if any."""
    return request.cookies.get(cookie_name())


def keep(response: Response, token: str) -> Response:
    """Give the browser a token to keep until it closes; the server decides how long it is worth anything."""
    response.set_cookie(cookie_name(), token, path="/", secure=_tls(), httponly=True, samesite="Lax")
    return response


def forget(response: Response) -> Response:
    response.delete_cookie(cookie_name(), path="/", secure=_tls(), httponly=True, samesite="Lax")
    return response


def _tls() -> bool:
    tls: bool = current_app.config["SETTINGS"].tls
    return tls
