"""Who may reach a route. Everything is denied unless a view says otherwise; a test walks the URL map."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flask import Response, abort, current_app, g, redirect, request, url_for

from webapp import clock
from webapp.extensions import db
from webapp.lifecycle import access, transaction
from webapp.lifecycle.errors import Unavailable
from webapp.queries import identity
from webapp.queries.identity import Me
from webapp.ui.htmx import is_htmx
from webapp.vocabulary import Permission

View = TypeVar("View", bound=Callable[..., Any])


def requires(permission: Permission) -> Callable[[View], View]:
    """Mark a view as open to signed-in staff whose role includes the permission."""

    def mark(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Mark a view as open to everybody."""
    view.permission = None  # type: ignore[attr-defined]
    return view


def anonymous(view: View) -> View:
    """Mark a view as open to everybody, where it is no matter whether somebody is signed in: nobody looks."""
    view.anonymous = True  # type: ignore[attr-defined]
    return public(view)


def background(view: View) -> View:
    """Mark a view that pages ask by themselves: it does not keep a session alive."""
    view.background = True  # type: ignore[attr-defined]
    return view


def me() -> Me:
    """The signed-in staff user. Only for views behind :func:`requires`."""
    found: Me | None = g.me
    if found is None:
        abort(401)
    return found


def engine() -> Any:
    """The database as the signed-in user's firm has it, for files that are read while they are sent."""
    return db.engine.execution_options(firm=me().firm_id)


def cookie_name() -> str:
    """The session cookie; with TLS the ``__Host-`` prefix binds it to this host and path (RFC 6265bis)."""
    return "__Host-daybook" if current_app.config["SETTINGS"].tls else "daybook"


def check() -> Response | None:
    """Before each request: read the clock once, find out who it is, refuse what the view does not allow."""
    g.now = clock.now()
    g.me = None
    if request.endpoint == "static":
        return None
    view: Any = current_app.view_functions.get(request.endpoint or "")
    token = request.cookies.get(cookie_name())
    if token and not hasattr(view, "anonymous"):
        g.me = identity.find(db.session(), token=token, now=g.now)
    if view is None:
        return None  # nothing is here; the page that says so knows who asks
    if g.me is not None and not getattr(view, "background", False):
        _keep_alive(g.me)
    if not hasattr(view, "permission"):
        abort(403)
    if view.permission is None:
        return None
    if g.me is None:
        return _sign_in_first()
    if not g.me.can(view.permission):
        abort(403)
    return None


def _keep_alive(user: Me) -> None:
    """Keep the session from idling out; at most one write in five minutes. A page is not lost over it."""
    if not access.is_stale(user.last_seen_at, g.now):
        return
    try:
        transaction.run(db.session(), lambda: access.touch(db.session(), user.session_hash, g.now))
    except Unavailable as error:
        current_app.logger.warning("the session's last use could not be noted", exc_info=error)


def _sign_in_first() -> Response:
    """Send to the sign-in page and back again afterwards; htmx is told to leave the page."""
    target = url_for("sessions.sign_in", next=_way_back())
    if is_htmx():
        response = Response(status=401)
        response.headers["HX-Redirect"] = target
        return response
    return redirect(target, code=303)  # type: ignore[return-value]


def _way_back() -> str | None:
    """The page that was asked for, or the one at whose address a form was sent; a fragment is no page."""
    if request.method == "GET":
        return None if is_htmx() else request.full_path.rstrip("?")
    adapter = current_app.create_url_adapter(request)
    if adapter is not None and "GET" in adapter.allowed_methods(request.path):
        return request.full_path.rstrip("?")
    return None


def safe_next(target: str | None) -> str:
    """A path of this site to go on to, or ``/``: never another host, never a scheme."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return "/"
    if any(ord(character) < 32 for character in target) or "\\" in target:
        return "/"
    parts = urlsplit(target)
    return "/" if parts.scheme or parts.netloc else target
