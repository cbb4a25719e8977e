"""What every template can rely on."""

from typing import Any

from flask import Flask, g, request
from markupsafe import Markup

from webapp.extensions import db
from webapp.localtime import day_bounds, duration
from webapp.queries import attention
from webapp.ui.htmx import is_htmx
from webapp.ui.static_files import static_url
from webapp.vocabulary import STATUS_LABELS, Permission, Status


def can(permission: str) -> bool:
    """Whether the signed-in user's role includes a permission."""
    return g.get("me") is not None and g.me.can(Permission(permission))


def waiting() -> attention.Attention:
    """What waits for somebody, counted once per request."""
    if "attention" not in g:
        user = g.me
        g.attention = attention.summary(
            db.session(),
            firm_id=user.firm_id,
            now=g.now,
            today=day_bounds(user.local.day_of(g.now), user.local.zone),
            correction_days=user.correction_days,
            staff_user_id=user.staff_user_id if user.bookable else None,
        )
    found: attention.Attention = g.attention
    return found


def capped(count: int) -> str:
    """A count as pages print it: ``6``, ``1,273``, ``999+`` where counting stopped."""
    return f"{attention.CAP - 1}+" if count >= attention.CAP else f"{count:,}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 appointment``, ``2 appointments``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def nav_counts() -> dict[str, str]:
    """What stands beside the entries of the navigation, where it is not nothing.

    Who takes appointments sees the number of their own outcomes, everybody else the firm's.
    """
    found = waiting()
    counts = {"requests": found.requests, "outcomes": found.outcomes, "polls": found.polls}
    return {name: capped(count) for name, count in counts.items() if count}


def install(app: Flask) -> None:
    """Give templates their globals; per request: who is signed in, how times are written, what is counted."""
    app.jinja_env.globals.update(
        STATUS_LABELS={status.value: label for status, label in STATUS_LABELS.items()},
        STATUSES=[status.value for status in Status],
        static_url=static_url,
        can=can,
        capped=capped,
        plural=plural,
        duration=duration,
        waiting=waiting,
        nav_counts=nav_counts,
        Markup=Markup,
    )

    @app.context_processor
    def per_request() -> dict[str, Any]:
        user = g.get("me")
        fields: dict[str, Any] = {
            "me": user,
            "htmx": is_htmx(),
            "q": "",
            "now": g.get("now"),
            "today_url": "/day",
        }
        if user is not None and "failed" not in g:
            fields |= {"local": user.local, "nav": {} if is_htmx() else nav_counts()}
        return {"nav": {}, "nav_current": "", "form_errors": [], **fields, "request_path": request.path}
