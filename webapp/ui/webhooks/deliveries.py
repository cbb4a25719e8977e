"""What was sent to an endpoint: the list, one delivery with its tries, and sending it again."""

from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import webhook_replays
from webapp.lifecycle.webhooks import EVENT_TYPES, PING
from webapp.queries import webhooks
from webapp.queries.webhooks import Delivery, Wanted
from webapp.ui.client_desk import neighbour
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.webhooks import words
from webapp.ui.webhooks.forms import RangeForm, ReplayForm, Span, read_range
from webapp.vocabulary import DeliveryState, Permission

LIST = "/settings/webhooks"
ONE = f"{LIST}/<int:webhook_endpoint_id>"
DELIVERY = f"{ONE}/deliveries/<int:webhook_delivery_id>"


def install(bp: Blueprint) -> None:
    """Give the pages their addresses below the endpoint's."""
    bp.add_url_rule(DELIVERY, view_func=delivery, methods=["GET"])
    bp.add_url_rule(f"{DELIVERY}/replay", view_func=replay_one, methods=["POST"])
    bp.add_url_rule(f"{ONE}/replay", view_func=replay_range, methods=["GET", "POST"])


def listed(webhook_endpoint_id: int) -> dict[str, Any]:
    """The context of ``webhooks/_deliveries.html``, narrowed as the address says. One statement."""
    state, event_type = request.args.get("state", ""), request.args.get("type", "")
    wanted = Wanted(
        state=DeliveryState(state) if state in set(DeliveryState) else None,
        event_type=event_type if event_type in {*EVENT_TYPES, PING} else "",
    )
    page = webhooks.deliveries(
        db.session(),
        firm_id=me().firm_id,
        webhook_endpoint_id=webhook_endpoint_id,
        wanted=wanted,
        before=neighbour("before"),
        after=neighbour("after"),
    )
    return {
        "deliveries": page.rows,
        "wanted": wanted,
        "narrowed": wanted != Wanted(),
        "prev_url": _turn(webhook_endpoint_id, wanted, before=page.before),
        "next_url": _turn(webhook_endpoint_id, wanted, after=page.after),
        "types": {name: words.name(name) for name in (*EVENT_TYPES, PING)},
    }


def _turn(webhook_endpoint_id: int, wanted: Wanted, **key: int | None) -> str:
    """The address of a neighbouring page with the same filters; empty where the list ends."""
    if None in key.values():
        return ""
    kept = {"state": wanted.state.value if wanted.state else "", "type": wanted.event_type}
    set_ = {name: value for name, value in kept.items() if value}
    return f"{LIST}/{webhook_endpoint_id}?{urlencode({**set_, **key})}#deliveries"


@requires(Permission.MANAGE_SETTINGS)
def delivery(webhook_endpoint_id: int, webhook_delivery_id: int) -> Response:
    return _page(webhook_endpoint_id, webhook_delivery_id, DeskForm())


@requires(Permission.MANAGE_SETTINGS)
def replay_one(webhook_endpoint_id: int, webhook_delivery_id: int) -> Response:
    """Send it once more, and go on to the new delivery."""
    form = DeskForm()

    def work() -> dict[str, Any]:
        _found(webhook_endpoint_id, webhook_delivery_id)
        again = webhook_replays.replay(db.session(), webhook_delivery_id, actor=me().actor, now=g.now)
        return {"id": again.webhook_delivery_id}

    if form.accepted():
        answer = form.attempt(work)
        if answer is not None:
            flash("It goes out again with the worker’s next round.", "toast")
            return go(f"{LIST}/{webhook_endpoint_id}/deliveries/{answer['id']}")
    return _page(webhook_endpoint_id, webhook_delivery_id, form)


def _found(webhook_endpoint_id: int, webhook_delivery_id: int) -> Delivery:
    return webhooks.delivery(
        db.session(),
        firm_id=me().firm_id,
        webhook_endpoint_id=webhook_endpoint_id,
        webhook_delivery_id=webhook_delivery_id,
    )


def _page(webhook_endpoint_id: int, webhook_delivery_id: int, form: DeskForm) -> Response:
    """One delivery. Three statements."""
    session, firm_id = db.session(), me().firm_id
    page = render_template(
        "webhooks/delivery.html",
        endpoint=webhooks.endpoint(session, firm_id=firm_id, webhook_endpoint_id=webhook_endpoint_id),
        delivery=_found(webhook_endpoint_id, webhook_delivery_id),
        attempts=webhooks.attempts(session, firm_id=firm_id, webhook_delivery_id=webhook_delivery_id),
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        words=words,
        nav_current="settings",
    )
    return make_response(page, form.status)


@requires(Permission.MANAGE_SETTINGS)
def replay_range(webhook_endpoint_id: int) -> Response:
    """GET counts what two times enclose, POST sends it."""
    typed = request.form if request.method == "POST" else request.args
    times, span = read_range(typed, local=me().local, now=g.now)
    form = ReplayForm()
    if form.accepted() and span is not None:
        answer = form.attempt(lambda: {"many": _replay(webhook_endpoint_id, span)})
        if answer is not None:
            flash(_said(answer["many"]), "toast")
            return go(f"{LIST}/{webhook_endpoint_id}")
    return _range_page(webhook_endpoint_id, times, span, form)


def _replay(webhook_endpoint_id: int, span: Span) -> int:
    return webhook_replays.replay_range(
        db.session(),
        webhook_endpoint_id,
        actor=me().actor,
        since=span.since,
        before=span.before,
        now=g.now,
    )


def _said(many: int) -> str:
    if not many:
        return "Nothing was left to send again."
    return f"{'1 event goes' if many == 1 else f'{many:,} events go'} out with the worker’s next rounds."


def _range_page(webhook_endpoint_id: int, times: RangeForm, span: Span | None, form: ReplayForm) -> Response:
    session, firm_id = db.session(), me().firm_id
    endpoint = webhooks.endpoint(session, firm_id=firm_id, webhook_endpoint_id=webhook_endpoint_id)
    many = None
    if span is not None:
        many = webhooks.in_range(
            session,
            firm_id=firm_id,
            webhook_endpoint_id=webhook_endpoint_id,
            since=span.since,
            before=span.before,
        )
    errors = [(field.id, str(error)) for field in times for error in field.errors]
    errors += form.errors_list() if form.status != 200 else []
    page = render_template(
        "webhooks/replay.html",
        endpoint=endpoint,
        times=times,
        span=span,
        many=many,
        most=webhook_replays.MOST,
        form=form,
        form_errors=errors,
        words=words,
        nav_current="settings",
    )
    return make_response(page, form.status if form.status != 200 else 422 if errors else 200)
