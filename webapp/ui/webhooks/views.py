"""Webhook endpoints: the list, adding and editing, and everything that is done with one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import transaction, webhook_secrets
from webapp.lifecycle import webhooks as lifecycle
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.webhooks import Checked
from webapp.queries import changes, webhooks
from webapp.queries.webhooks import Endpoint
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.webhooks import deliveries, words
from webapp.ui.webhooks.forms import EndpointForm, StepForm
from webapp.vocabulary import Permission

bp = Blueprint("webhooks", __name__)
deliveries.install(bp)

LIST = deliveries.LIST
ONE = deliveries.ONE


@bp.get(LIST)
@requires(Permission.MANAGE_SETTINGS)
def index() -> str:
    return render_template(
        "webhooks/index.html",
        endpoints=webhooks.endpoints(db.session(), firm_id=me().firm_id),
        most=lifecycle.MOST,
        words=words,
        nav_current="settings",
    )


@bp.route(f"{LIST}/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def new() -> Response:
    form = EndpointForm()
    if form.accepted() and (facts := _facts(form)) is not None:
        made = form.attempt(lambda: _create(facts))
        if made is not None:
            flash(f"Added {made['name']}. Give its secret to the receiver.", "toast")
            return go(f"{LIST}/{made['id']}")
    return _form_page(form, "New endpoint", back=LIST, back_label="Webhooks")


def _create(facts: Checked) -> dict[str, Any]:
    made = lifecycle.create(db.session(), actor=me().actor, facts=facts, now=g.now)
    return {"id": made.webhook_endpoint_id, "name": lifecycle.name_of(made.description, made.url)}


@bp.route(f"{ONE}/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def edit(webhook_endpoint_id: int) -> Response:
    seen, endpoint = _load(webhook_endpoint_id)
    form = EndpointForm.showing(endpoint, seen)
    if form.accepted() and (facts := _facts(form)) is not None:
        saved = form.attempt(
            lambda: lifecycle.edit(
                db.session(),
                webhook_endpoint_id,
                actor=me().actor,
                facts=facts,
                now=g.now,
                seen=form.last_seen,
            )
        )
        if saved is not None:
            flash("Saved the endpoint.", "toast")
            return go(f"{LIST}/{webhook_endpoint_id}")
    here = f"{LIST}/{webhook_endpoint_id}"
    return _form_page(form, f"Edit {endpoint.name}", back=here, back_label=endpoint.name)


def _load(webhook_endpoint_id: int) -> tuple[int, Endpoint]:
    """The endpoint, and the number of its last change, which is read first: one in between is noticed."""
    session, firm_id = db.session(), me().firm_id
    seen = changes.of_endpoint(session, firm_id=firm_id, webhook_endpoint_id=webhook_endpoint_id)
    return seen, webhooks.endpoint(session, firm_id=firm_id, webhook_endpoint_id=webhook_endpoint_id)


def _facts(form: EndpointForm) -> Checked | None:
    """What was typed, checked before any transaction begins; None where it was refused."""
    try:
        return lifecycle.checked(form.facts(), networks=current_app.config["SETTINGS"].webhook_networks)
    except Invalid as error:
        form.refuse(error)
        return None


def _form_page(form: EndpointForm, title: str, *, back: str, back_label: str) -> Response:
    page = render_template(
        "webhooks/form.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        page_title=title,
        back_url=back,
        back_label=back_label,
        nav_current="settings",
    )
    return make_response(page, form.status)


@bp.get(ONE)
@requires(Permission.MANAGE_SETTINGS)
def show(webhook_endpoint_id: int) -> Response:
    return _page(webhook_endpoint_id)


@bp.post(f"{ONE}/secret")
@requires(Permission.MANAGE_SETTINGS)
def secret(webhook_endpoint_id: int) -> Response:
    """The page with the secret on it: only a submission shows it, so no link and no history entry does."""
    key, actor, now = current_app.config["SECRET_KEY"], me().actor, g.now
    found = transaction.run(
        db.session(),
        lambda: lifecycle.reveal_secret(db.session(), webhook_endpoint_id, actor=actor, key=key, now=now),
    )
    return _page(webhook_endpoint_id, secret_value=found)


@bp.post(f"{ONE}/rotation")
@requires(Permission.MANAGE_SETTINGS)
def rotate(webhook_endpoint_id: int) -> Response:
    said = "The secret was rotated. The one before signs for another 24 hours."
    return _step(webhook_endpoint_id, lifecycle.rotate_secret, said)


@bp.post(f"{ONE}/disabling")
@requires(Permission.MANAGE_SETTINGS)
def disable(webhook_endpoint_id: int) -> Response:
    return _step(webhook_endpoint_id, lifecycle.disable, "Disabled. Nothing is sent there any more.")


@bp.post(f"{ONE}/enabling")
@requires(Permission.MANAGE_SETTINGS)
def enable(webhook_endpoint_id: int) -> Response:
    return _step(webhook_endpoint_id, lifecycle.enable, "Enabled. It is told of what happens from now on.")


@bp.post(f"{ONE}/ping")
@requires(Permission.MANAGE_SETTINGS)
def ping(webhook_endpoint_id: int) -> Response:
    form = StepForm()

    def work() -> dict[str, Any]:
        made = lifecycle.ping(db.session(), webhook_endpoint_id, actor=me().actor, now=g.now)
        return {"id": made.webhook_delivery_id}

    if form.accepted():
        answer = form.attempt(work)
        if answer is not None:
            flash("A test event goes out with the worker’s next round.", "toast")
            return go(f"{LIST}/{webhook_endpoint_id}/deliveries/{answer['id']}")
    return _page(webhook_endpoint_id, form)


@bp.route(f"{ONE}/removal", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def remove(webhook_endpoint_id: int) -> Response:
    form = StepForm()
    if form.accepted() and _done(form, webhook_endpoint_id, lifecycle.remove):
        flash("Removed the endpoint. Nothing is sent there any more.", "toast")
        return go(LIST)
    seen, endpoint = _load(webhook_endpoint_id)
    if form.status == 200:
        form.seen.data = str(seen)
    page = render_template(
        "webhooks/removal.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        endpoint=endpoint,
        nav_current="settings",
    )
    return make_response(page, form.status)


def _step(webhook_endpoint_id: int, step: Callable[..., object], said: str) -> Response:
    """One button of the endpoint's page; what is in its way is said on the page."""
    form = StepForm()
    if form.accepted() and _done(form, webhook_endpoint_id, step):
        flash(said, "toast")
        return go(f"{LIST}/{webhook_endpoint_id}")
    return _page(webhook_endpoint_id, form)


def _done(form: StepForm, webhook_endpoint_id: int, step: Callable[..., object]) -> bool:
    def work() -> object:
        return step(db.session(), webhook_endpoint_id, actor=me().actor, now=g.now, seen=form.last_seen)

    return form.attempt(work) is not None


def _page(webhook_endpoint_id: int, form: DeskForm | None = None, *, secret_value: str = "") -> Response:
    """The endpoint with its deliveries. Four statements."""
    session, firm_id = db.session(), me().firm_id
    seen, endpoint = _load(webhook_endpoint_id)
    form = form or StepForm(formdata=None, data={"seen": str(seen)})
    page = render_template(
        "webhooks/show.html",
        endpoint=endpoint,
        secret_value=secret_value,
        old_signs_until=_old_signs_until(endpoint),
        steps=webhooks.steps(session, firm_id=firm_id, webhook_endpoint_id=webhook_endpoint_id),
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        words=words,
        nav_current="settings",
        **deliveries.listed(webhook_endpoint_id),
    )
    return make_response(page, form.status)


def _old_signs_until(endpoint: Endpoint) -> datetime | None:
    """Until when the secret before the present one signs too; None if it does not."""
    until = endpoint.turned_at + webhook_secrets.OVERLAP if endpoint.turned_at else None
    return until if until is not None and until > g.now else None
