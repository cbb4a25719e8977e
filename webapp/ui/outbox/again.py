"""One mail once more: the step that the outbox and an appointment's own list share."""

from collections.abc import Callable

from flask import Response, current_app, flash, g

from webapp.delivery import outbox as delivery
from webapp.extensions import db
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me
from webapp.ui.htmx import go


def resend(
    mail_message_id: int,
    *,
    back: str,
    show: Callable[[DeskForm], Response],
    about: int | None = None,
) -> Response:
    """Let it go out again and go ``back``; ``show`` has the page with what was refused.

    ``about`` is the appointment that the mail has to be about.
    """
    form = DeskForm()
    if form.accepted():
        answer = form.attempt(
            lambda: {
                "to": delivery.resend(
                    db.session(),
                    actor=me().actor,
                    mail_message_id=mail_message_id,
                    about=about,
                    settings=current_app.config["SETTINGS"],
                    now=g.now,
                )
            }
        )
        if answer is not None:
            flash(f"It goes out to {answer['to']} again with the next delivery.", "toast")
            return go(back)
    return show(form)
