"""The firm's own pages: name, clock, hours and limits; outcomes; reminders and links; the callback."""

import json
from datetime import UTC
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import firm_policies, firm_settings, transaction
from webapp.lifecycle.firm_policies import OutcomeValues, ReachValues
from webapp.lifecycle.firm_settings import Group, Values
from webapp.queries import settings
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.settings import sentences, words
from webapp.ui.settings.forms import SettingsForm
from webapp.ui.settings.policy_forms import OutcomesForm, RemindersForm
from webapp.vocabulary import Permission

bp = Blueprint("settings", __name__)

AnyForm = SettingsForm | OutcomesForm | RemindersForm


@bp.route("/settings", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def index() -> Response:
    shown = settings.shown(db.session(), firm_id=me().firm_id, group=Values)
    form = SettingsForm.showing(shown)
    if _saved(form):
        return go("/settings")
    return _page("settings/index.html", form, Values, does=sentences.limits(shown.values))


@bp.route("/settings/outcomes", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def outcomes() -> Response:
    shown = settings.shown(db.session(), firm_id=me().firm_id, group=OutcomeValues)
    form = OutcomesForm.showing(shown)
    if _saved(form):
        return go("/settings/outcomes")
    return _page(
        "settings/outcomes.html",
        form,
        OutcomeValues,
        does=sentences.outcomes(shown.values),
        tracked=settings.tracked_types(db.session(), firm_id=me().firm_id),
        policies=[{"value": policy.value, "label": label} for policy, label in words.POLICIES.items()],
    )


@bp.route("/settings/reminders", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def reminders() -> Response:
    shown = settings.shown(db.session(), firm_id=me().firm_id, group=ReachValues)
    form = RemindersForm.showing(shown)
    if _saved(form):
        return go("/settings/reminders")
    return _page("settings/reminders.html", form, ReachValues, does=sentences.reach(shown.values))


def _saved(form: AnyForm) -> bool:
    if not form.accepted():
        return False
    done = form.attempt(
        lambda: firm_settings.change(
            db.session(), actor=me().actor, values=form.values(), seen=form.last_seen, now=g.now
        )
    )
    if done is not None:
        flash("Settings saved.", "toast")
    return done is not None


def _page(template: str, form: AnyForm, group: type[Group], **more: Any) -> Response:
    changes = settings.lately(db.session(), firm_id=me().firm_id, group=group)
    page = render_template(
        template,
        form=form,
        form_errors=form.errors_list(),
        changes=[(change, words.lines(change)) for change in changes],
        nav_current="settings",
        **more,
    )
    return make_response(page, form.status)


@bp.get("/settings/attendance")
@requires(Permission.MANAGE_SETTINGS)
def callback() -> str:
    return _callback_page("")


@bp.post("/settings/attendance/secret")
@requires(Permission.MANAGE_SETTINGS)
def secret() -> str:
    """The page with the secret on it: only a submission shows it, so no link and no history entry does."""
    key = current_app.config["SECRET_KEY"]
    actor, now = me().actor, g.now
    found = transaction.run(
        db.session(), lambda: firm_policies.reveal_secret(db.session(), actor=actor, key=key, now=now)
    )
    return _callback_page(found)


@bp.post("/settings/attendance/renewal")
@requires(Permission.MANAGE_SETTINGS)
def renewal() -> Response:
    """Another secret from now on, once for each form."""
    form, actor, now = DeskForm(), me().actor, g.now
    if form.accepted():
        form.attempt(lambda: firm_policies.renew_secret(db.session(), actor=actor, now=now))
        flash("The secret was renewed. The one before works for another 24 hours.", "toast")
    return go("/settings/attendance")


def _callback_page(found: str) -> str:
    slug = settings.slug(db.session(), firm_id=me().firm_id)
    joined = g.now.astimezone(UTC).replace(microsecond=0)
    body = {"appointment_id": 1042, "side": "client", "joined_at": joined.isoformat()}
    return render_template(
        "settings/callback.html",
        address=f"{current_app.config['SETTINGS'].base_url}/hooks/attendance/{slug}",
        secret_value=found,
        example=json.dumps(body, indent=2),
        tracked=settings.tracked_types(db.session(), firm_id=me().firm_id),
        form=DeskForm(),
        looks=settings.secret_looks(db.session(), firm_id=me().firm_id),
        nav_current="settings",
    )
