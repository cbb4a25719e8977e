"""Webhooks in words for people."""

from http import HTTPStatus

from webapp.delivery.webhooks import notices
from webapp.lifecycle import webhook_replays, webhooks
from webapp.queries.webhooks import Delivery, Endpoint, Step
from webapp.vocabulary import DeliveryState, Disabled

EVENTS = {
    "appointment.requested": "Requested: a client asks for a time",
    "appointment.awaiting_confirmation": "Awaiting confirmation: a time was proposed",
    "appointment.confirmed": "Confirmed: booked, approved or accepted",
    "appointment.completed": "Completed: the meeting took place",
    "appointment.no_show": "No-show: somebody did not come",
    "appointment.rescheduled": "Rescheduled: moved to another appointment",
    "appointment.cancelled": "Cancelled: called off, declined, expired or not confirmed in time",
    "appointment.corrected": "Corrected: its outcome was recorded wrongly before",
}
PING = "Test event"
STATES = {
    DeliveryState.WAITING: "Waiting",
    DeliveryState.DELIVERED: "Delivered",
    DeliveryState.FAILED: "Failed",
    DeliveryState.DROPPED: "Dropped",
}
WHY = {
    Disabled.BY_HAND: "By hand",
    **notices.WHY,
}
STEPS = {
    webhooks.CREATE: "Added the endpoint",
    webhooks.EDIT: "Changed",
    webhooks.ROTATE: "Rotated the secret",
    webhooks.REMOVE: "Removed the endpoint",
    webhooks.ENABLE: "Enabled the endpoint",
    webhooks.DISABLE: "Disabled the endpoint",
    webhooks.SHOW_SECRET: "Was shown the secret",
    webhooks.SEND_PING: "Sent a test event",
    webhook_replays.REPLAY: "Replayed a delivery",
    webhook_replays.REPLAY_RANGE: "Replayed",
}
FIELDS = {
    "url": "the address",
    "description": "the description",
    "event_types": "the event types",
    "with_text": "whether reasons go along",
}


def state(endpoint: Endpoint) -> str:
    """What an endpoint does, in a word or two."""
    if endpoint.disabled:
        return "Disabled"
    return "Failing" if endpoint.failing_since else "Enabled"


def name(event_type: str) -> str:
    """An event type without its explanation: ``No-show``."""
    return PING if event_type == webhooks.PING else EVENTS[event_type].partition(":")[0]


def answer(status: int | None, error: str | None) -> str:
    """What came back: ``200 OK``, ``599``, or why nothing did."""
    if status is None:
        return error or ""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def took(milliseconds: int) -> str:
    """``38 ms``, ``15.0 s``."""
    return f"{milliseconds} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def asked_for(endpoint: Endpoint) -> str:
    """The event types of an endpoint, by name."""
    if not endpoint.event_types:
        return "Everything"
    return ", ".join(name(each) for each in endpoint.event_types)


def kind(delivery: Delivery) -> str:
    """``Confirmed``, ``Confirmed, replay 2``."""
    replay = f", replay {delivery.replay}" if delivery.replay else ""
    return f"{name(delivery.event_type)}{replay}"


def told(step: Step) -> str:
    """One step of the audit log, in words; ``who`` stands beside it."""
    words = STEPS.get(step.action, step.action.capitalize())
    if step.action == webhooks.EDIT:
        changed = [each for field, each in FIELDS.items() if field in step.fields]
        return f"{words} {' and '.join([', '.join(changed[:-1])] * (len(changed) > 1) + changed[-1:])}"
    if step.action == webhook_replays.REPLAY_RANGE:
        many = step.fields["events"][1]
        return f"{words} {many:,} {'event' if many == 1 else 'events'}"
    return words
