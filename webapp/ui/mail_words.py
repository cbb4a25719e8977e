"""Kinds and states of mail in words, for the outbox and the settings."""

from collections.abc import Mapping

from webapp.vocabulary import MailState, MailTemplate

TEMPLATES: dict[MailTemplate, tuple[str, str]] = {
    MailTemplate.REQUEST_RECEIVED: ("Request received", "When a request has come in, to its client."),
    MailTemplate.APPROVED: ("Approved", "When a request is approved, with the calendar entry."),
    MailTemplate.DECLINED: (
        "Declined",
        "When a request is declined, with the reason, and when nobody answered it before its start.",
    ),
    MailTemplate.CONFIRMED: (
        "Confirmed",
        "When an appointment is booked, and when a proposed time is confirmed, with the calendar entry.",
    ),
    MailTemplate.PROPOSED: (
        "Proposed",
        "When a time is proposed, with the deadline and a link to confirm or decline it.",
    ),
    MailTemplate.MOVED: ("Moved", "When an appointment is moved: one mail with the old time and the new."),
    MailTemplate.CANCELLED: (
        "Cancelled",
        "When an appointment is cancelled, with the reason, and when a proposed time was not confirmed "
        "by its deadline. It leaves the client’s calendar too.",
    ),
    MailTemplate.POLL: ("Poll", "When somebody is invited to a poll, with a link to say which times suit."),
    MailTemplate.REMINDER: (
        "Reminder",
        "{hours} before a confirmed appointment starts. What is booked later than that gets none.",
    ),
    MailTemplate.LAST_CALL: (
        "Last call",
        "{hours} before a deadline, to those who have not answered a proposed time or a poll.",
    ),
    MailTemplate.WEBHOOK_OFF: (
        "Webhooks switched off",
        "When an endpoint failed for days or answered that it is gone, to everybody who runs the settings.",
    ),
}
STATES: dict[MailState, str] = {
    MailState.WAITING: "Waiting",
    MailState.SENT: "Sent",
    MailState.FAILED: "Failed",
    MailState.KEPT: "Kept here",
}
# The HTML part is a page of its own, because no page of ours may hold a frame: without scripts, forms, images
# or an origin of its own (sandbox), and with the one thing mail cannot do without: styles in its attributes.
HTML_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; sandbox allow-popups"
    ),
    "Referrer-Policy": "no-referrer",
}
NAMES = {template.value: name for template, (name, _when) in TEMPLATES.items()}
STATE_NAMES = {state.value: name for state, name in STATES.items()}
NEVER = "Never, since the firm has set 0 hours for it."


def described(hours: Mapping[MailTemplate, int]) -> dict[MailTemplate, tuple[str, str]]:
    """Every kind with its name and when it is sent; ``hours`` is how long before, where that is a setting."""
    found = dict(TEMPLATES)
    for template, count in hours.items():
        name, when = TEMPLATES[template]
        span = "1 hour" if count == 1 else f"{count} hours"
        found[template] = (name, when.format(hours=span) if count else NEVER)
    return found
