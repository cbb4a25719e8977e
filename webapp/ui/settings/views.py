"""The firm's own page: name, clock, hours, limits."""

from flask import Blueprint, Response, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import firm_settings
from webapp.queries import settings
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.settings import words
from webapp.ui.settings.forms import SettingsForm
from webapp.vocabulary import Permission

bp = Blueprint("settings", __name__)


@bp.route("/settings", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def index() -> Response:
    shown = settings.shown(db.session(), firm_id=me().firm_id)
    form = SettingsForm.showing(shown)
    if (
        form.accepted()
        and form.attempt(
            lambda: firm_settings.change(
                db.session(), actor=me().actor, values=form.values(), seen=form.last_seen, now=g.now
            )
        )
        is not None
    ):
        flash("Settings saved.", "toast")
        return go("/settings")
    changes = settings.lately(db.session(), firm_id=me().firm_id)
    page = render_template(
        "settings/index.html",
        form=form,
        form_errors=form.errors_list(),
        changes=[(change, words.lines(change)) for change in changes],
        nav_current="settings",
    )
    return make_response(page, form.status)
