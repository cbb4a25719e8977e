"""How each route is asked: what of a firm fills its address, what is sent to it, what it answers then.

A route that has no row here fails the suite. A value in braces stands for what the firm has by that name.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.factories import DAY, NOW
from tests.tenancy.ground import Stock
from webapp.ui.when import value_of

Sent = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """``fill`` names what the firm has for each argument that is a number or a link; ``fixed`` are words.

    ``sent`` goes with POST or PATCH and is answered with ``done``; ``got`` answers GET, ``known`` instead
    where somebody is signed in. ``slow`` is asked
    once for its own, ``link`` opens to whoever has it.
    """

    fill: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    sent: Sent = field(default_factory=dict)
    done: int = 303
    got: int = 200
    known: int = 0
    query: str = ""
    slow: bool = False
    link: bool = False

    def filled(self, stock: Stock) -> dict[str, Any]:
        """Every argument, from what the firm has."""
        return self.fixed | {name: stock.ids[thing] for name, thing in self.fill.items()}

    def body(self, stock: Stock) -> Sent:
        return {name.format(**stock.ids): _said(value, stock) for name, value in self.sent.items()}


def _said(value: Any, stock: Stock) -> Any:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return stock.ids[value[1:-1]]
    return value.format(**stock.ids) if isinstance(value, str) else value


def of(thing: str, name: str = "", **more: Any) -> Row:
    """A route of one number: ``of("poll")`` fills ``poll_id``."""
    return Row(fill={name or f"{thing}_id": thing}, **more)


def meeting(thing: str = "confirmed", **more: Any) -> Row:
    return of(thing, "appointment_id", **more)


def step(thing: str, **sent: Any) -> Row:
    """A step of the desk; ``version`` is that of an appointment that took one, booking, unless told."""
    return meeting(thing, sent={"version": "1"} | sent)


def call(thing: str, done: int = 200, **sent: Any) -> Row:
    """A step of the API."""
    return meeting(thing, sent=sent, done=done)


NEXT_WEEK = value_of(NOW + 7 * DAY)
SOON = (NOW + 7 * DAY).isoformat()
LONG = "four other words here"
BOOKING = {
    "who": "existing",
    "contact_id": "{contact}",
    "appointment_type_id": "{type}",
    "staff_user_id": "{colleague}",
    "day": "2026-01-14",
    "start": value_of(NOW + DAY),
    "how": "book",
}
POLL = {
    "title": "Annual review",
    "appointment_type_id": "{type}",
    "staff_user_id": "{staff}",
    "deadline-day": "2026-01-14",
    "deadline-time": "17:00",
    "slots-0-day": "2026-01-20",
    "slots-0-time": "10:00",
    "slots-1-day": "2026-01-21",
    "slots-1-time": "10:00",
    "invitees-0-name": "Clara Wren",
    "invitees-0-email": "clara@wren.example",
    "invitees-0-required": "yes",
}
SETTINGS = {
    "/settings/outcomes": {
        "seen": "0",
        "completion_policy": "decide",
        "complete_after": "2",
        "complete_after_unit": "hours",
        "no_show_policy": "decide",
        "no_show_after": "30",
        "no_show_after_unit": "minutes",
    },
    "/settings/reminders": {
        "seen": "0",
        "reminder_hours": "24",
        "last_call_hours": "4",
        "client_links": "y",
    },
}
TYPE = {"seen": "0", "name": "Second kind", "duration": "45"}
TOKEN = {"name": "Website", "staff_user_id": "{staff}", "scopes": "clients:read", "ends": "never"}
FEED = {"name": "Mine", "staff_user_id": "", "appointment_type_id": "", "shown": "all", "with_names": "y"}
ENDPOINT = {
    "url": "https://[2606:4700::6810:85e5]/other",
    "which": "all",
    "description": "Second",
}
MAIL = {"template": "confirmed"}

ROWS: dict[str, Row] = {
    "accounts.index": Row(),
    "accounts.as_file": Row(),
    "accounts.options": Row(query="q=by"),
    "accounts.new": Row(sent={"name": "Hopper & Sons"}),
    "accounts.show": of("account"),
    "accounts.edit": of("account", sent={"name": "Byron & Co", "seen": "0"}),
    "accounts.appointments_as_file": of("account"),
    "accounts.contacts_as_file": of("account"),
    "activity.show": Row(),
    "activity.as_file": Row(),
    "activity.as_pdf": Row(slow=True),
    "activity.news": Row(query="since=2026-01-01T00:00:00Z"),
    "appointments.show": meeting(),
    "appointments.menu": meeting(),
    "appointments.slots": meeting(query="day=2026-01-20"),
    "appointments.timeline": meeting(),
    "appointments.timeline_as_file": meeting(),
    "appointments.timeline_as_pdf": meeting(slow=True),
    "appointments.approval": step("requested"),
    "appointments.decline": step("requested", reason="Full"),
    "appointments.confirmation": step("proposed"),
    "appointments.arrive": step("started"),
    "appointments.cancellation": step("started", cancelled_by="client", reason="Ill"),
    "appointments.completion": step("started"),
    "appointments.no_show": step("started", party="client", at="9:57"),
    "appointments.correction": step("completed", version="2", outcome="client", reason="Seen on camera"),
    "appointments.edit_details": step("started", location="Room 3", notes="", contact_id="{contact}"),
    "appointments.reschedule": step(
        "dossier", start=NEXT_WEEK, staff_user_id="{staff}", day="2026-01-20", reason="Away"
    ),
    "attendance.provider": Row(),
    "board.show": Row(fixed={"kind": "day", "day": "2026-01-14"}),
    "board.as_file": Row(fixed={"kind": "week", "day": "2026-01-14"}),
    "board.changes": Row(fixed={"kind": "day", "day": "2026-01-14"}, query="since=2026-01-01T00:00:00Z"),
    "board.today": Row(got=303),
    "booking.new": Row(sent=BOOKING),
    "booking.slots": Row(query="day=2026-01-20"),
    "bulk.ask": Row(fixed={"name": "cancellation"}, sent={"ref": "{confirmed}.2", "back": "/day"}, done=200),
    "bulk.at_once": Row(fixed={"name": "completion"}, sent={"ref": "{started}.1", "back": "/day"}),
    "bulk.with_facts": Row(
        fixed={"name": "cancellation"},
        sent={"ref": "{started}.1", "back": "/day", "cancelled_by": "client", "reason": "Ill"},
    ),
    "client_page.make": meeting(done=200),
    "client_page.revoke": meeting(),
    "client_page.show": of("client_link", "token", link=True),
    "client_page.slots": of("client_link", "token", link=True),
    "client_page.confirm": of(
        "client_link", "token", link=True, sent={"version": "2", "booking": "{confirmed}"}, done=409
    ),
    "client_page.cancel": of(
        "client_link",
        "token",
        link=True,
        sent={"version": "2", "booking": "{confirmed}", "reason": "Ill"},
    ),
    "client_page.move": of(
        "client_link",
        "token",
        link=True,
        sent={"version": "2", "booking": "{confirmed}", "day": "2026-01-20", "start": NEXT_WEEK},
    ),
    "contacts.index": Row(),
    "contacts.as_file": Row(),
    "contacts.options": Row(query="q=ad"),
    "contacts.new": Row(sent={"name": "Grace Hopper", "email": "", "phone": ""}),
    "contacts.show": of("contact"),
    "contacts.edit": of("contact", sent={"name": "Ada Lovelace", "email": "", "phone": "", "seen": "0"}),
    "contacts.appointments_as_file": of("contact"),
    "contacts.erase": of("contact", sent={"name": "Ada Byron", "why": "asked"}, done=422),
    "feeds.calendar": of("feed_link", "token", link=True),
    "feeds.index": Row(),
    "feeds.new": Row(sent=FEED),
    "feeds.one": meeting(),
    "feeds.revoke": of("own feed", "calendar_feed_id"),
    "feeds.show_address": of("own feed", "calendar_feed_id", done=200),
    "health.live": Row(),
    "health.ready": Row(),
    "health.metrics": Row(got=404),  # this installation has no token for it
    "invitations.accept": of("invited_link", "token", link=True, sent={"password": LONG, "repeated": LONG}),
    "invitees.reply": of(
        "invitee_link", "token", link=True, sent={"step": "vote", "vote-{slot}": "yes", "comment": ""}
    ),
    "listing.appointments": Row(),
    "listing.as_file": Row(),
    "listing.needs_outcome": Row(),
    "listing.needs_outcome_as_file": Row(),
    "listing.requests": Row(),
    "listing.requests_as_file": Row(),
    "mail_settings.index": Row(),
    "mail_settings.show": Row(fixed=MAIL),
    "mail_settings.html": Row(fixed=MAIL),
    "mail_settings.switch": Row(fixed=MAIL, sent={"on": "0"}),
    "outbox.index": Row(),
    "outbox.as_file": Row(),
    "outbox.of_appointment": meeting(),
    "outbox.show": of("mail", "mail_message_id"),
    "outbox.html": of("mail", "mail_message_id"),
    "outbox.eml": of("mail", "mail_message_id"),
    "outbox.ics": of("mail", "mail_message_id"),
    "outbox.resend": of("mail", "mail_message_id", done=422),  # without a server nothing can go out
    "outbox.resend_failed": Row(),
    "outbox.resend_one": Row(fill={"appointment_id": "confirmed", "mail_message_id": "mail"}, done=422),
    "pages.components": Row(),
    "pages.front": Row(got=303),
    "pages.shortcuts": Row(),
    "polls.index": Row(),
    "polls.as_file": Row(),
    "polls.new": Row(sent=POLL),
    "polls.show": of("poll"),
    "polls.changes": of("poll"),
    "polls.replies_as_file": of("poll"),
    "polls.cancel": of("poll", sent={"version": "1", "reason": "Not needed"}),
    "polls.confirm": of("held_poll", "poll_id", sent={"version": "2"}),
    "polls.edit": of("poll", sent=POLL | {"version": "1"}),
    "polls.hold": Row(
        fill={"poll_id": "poll", "poll_slot_id": "slot"},
        sent={"version": "1", "confirm_by-day": "2026-01-14", "confirm_by-time": "12:00"},
    ),
    "polls.personal_links": of("poll", done=200),
    "polls.remind": of("poll", sent={"invitee": "{second_invitee}"}),
    "polls.revoke": Row(fill={"poll_id": "poll", "poll_invitee_id": "invitee"}),
    "preferences.index": Row(sent={"theme": "dark", "density": "compact"}),
    "preferences.change_password": Row(sent={"present": "no", "password": LONG, "repeated": LONG}, done=422),
    "preferences.sign_out_everywhere": Row(),
    "preferences.sign_out_one": Row(fixed={"handle": "0" * 16}),
    "prints.show": Row(fixed={"report": "day-sheet"}),
    "prints.as_csv": Row(fixed={"report": "no-shows"}),
    "prints.as_pdf": Row(fixed={"report": "week"}, slow=True),
    "prints.dossier_proof": meeting(),
    "prints.show_dossier": meeting(),
    "prints.dossier_as_csv": meeting(),
    "prints.dossier_as_pdf": meeting(slow=True),
    "record.index": Row(),
    "record.seals": Row(),
    "reports.report": Row(),
    "reports.as_file": Row(),
    "reports.as_pdf": Row(got=303),
    "reports.appointments": Row(query="of=due&part=completed"),
    "reports.appointments_as_file": Row(query="of=due&part=completed"),
    "sessions.sign_in": Row(
        known=303, sent={"email": "nobody@marlow.example", "password": "wrong"}, done=422
    ),
    "sessions.choose_firm": Row(got=303, sent={"account": "0"}),
    "sessions.sign_out": Row(),
    "settings.index": Row(sent={"seen": "0"}, done=422),
    "settings.outcomes": Row(sent=SETTINGS["/settings/outcomes"]),
    "settings.reminders": Row(sent=SETTINGS["/settings/reminders"]),
    "settings.callback": Row(),
    "settings.secret": Row(done=200),
    "settings.renewal": Row(sent={"seen": "0"}),
    "team.index": Row(),
    "team.invite": Row(sent={"name": "Ida Quist", "email": "ida@marlow.example", "role": "staff"}, done=200),
    "team.edit": of("colleague", "staff_user_id", sent={"seen": "0", "name": "Tomas N", "role": "staff"}),
    "team.deactivate": of("colleague", "staff_user_id"),
    "team.reactivate": of("gone", "staff_user_id"),
    "team.end_sessions": of("colleague", "staff_user_id"),
    "team.make_link": of("invited", "staff_user_id", done=200),
    "team.revoke_link": of("invited", "staff_user_id"),
    "tokens.index": Row(),
    "tokens.new": Row(sent=TOKEN, done=200),
    "tokens.revoke": of("api_token"),
    "types.index": Row(),
    "types.new": Row(sent=TYPE),
    "types.edit": of("type", "appointment_type_id", sent=TYPE),
    "types.retire": of("type", "appointment_type_id"),
    "types.restore": of("retired_type", "appointment_type_id"),
    "webhooks.index": Row(),
    "webhooks.new": Row(sent=ENDPOINT),
    "webhooks.show": of("endpoint", "webhook_endpoint_id"),
    "webhooks.edit": of("endpoint", "webhook_endpoint_id", sent=ENDPOINT),
    "webhooks.disable": of("endpoint", "webhook_endpoint_id", sent={"seen": "{endpoint_seen}"}),
    "webhooks.enable": of("endpoint_off", "webhook_endpoint_id", sent={"seen": "{endpoint_off_seen}"}),
    "webhooks.ping": of("endpoint", "webhook_endpoint_id"),
    "webhooks.remove": of("endpoint", "webhook_endpoint_id", sent={"seen": "{endpoint_seen}"}),
    "webhooks.rotate": of("endpoint", "webhook_endpoint_id", sent={"seen": "{endpoint_seen}"}),
    "webhooks.secret": of("endpoint", "webhook_endpoint_id", done=200),
    "webhooks.delivery": Row(fill={"webhook_endpoint_id": "endpoint", "webhook_delivery_id": "delivery"}),
    "webhooks.replay_one": Row(fill={"webhook_endpoint_id": "endpoint", "webhook_delivery_id": "delivery"}),
    "webhooks.replay_range": of(
        "endpoint", "webhook_endpoint_id", sent={"from": "2026-01-01", "to": "2026-01-13"}
    ),
    "worklists.acceptance": step("suggested"),
    "worklists.held_back": Row(),
    "worklists.release": of("hold", "sweep_hold_id"),
    "worklists.dismiss": of("hold", "sweep_hold_id"),
    "api.openapi": Row(),
    "api.page": Row(),
    "api.list_appointments": Row(),
    "api.list_accounts": Row(),
    "api.list_contacts": Row(),
    "api.list_free_slots": Row(
        query="staff_user_id={staff}&appointment_type_id={type}&from=2026-01-20&days=2"
    ),
    "api.list_polls": Row(),
    "api.list_staff": Row(),
    "api.list_types": Row(),
    "api.show_metrics": Row(query="from=2026-01-01&to=2026-01-13"),
    "api.show_appointment": meeting(),
    "api.show_attendance": meeting(),
    "api.show_chain": meeting(),
    "api.show_history": meeting(),
    "api.show_fhir_appointment": meeting(),
    "api.show_account": of("account"),
    "api.show_contact": of("contact"),
    "api.show_poll": of("poll"),
    "api.create_account": Row(sent={"name": "Hopper & Sons"}, done=201),
    "api.create_contact": Row(sent={"name": "Grace Hopper", "account_id": "{account}"}, done=201),
    "api.create_appointment": Row(
        sent={
            "appointment_type_id": "{type}",
            "staff_user_id": "{staff}",
            "contact_id": "{contact}",
            "start_time": SOON,
        },
        done=201,
    ),
    "api.edit_account": of("account", sent={"notes": "Pays late"}, done=200),
    "api.edit_contact": of("contact", sent={"account_id": "{account}", "notes": "Deaf"}, done=200),
    "api.edit_appointment": call("confirmed", location="Room 3"),
    "api.approve": call("requested"),
    "api.decline": call("requested", reason="Full"),
    "api.confirm": call("proposed"),
    "api.cancel": call("started", reason="Ill", cancelled_by="client"),
    "api.complete": call("started"),
    "api.mark_no_show": call("started", no_show_party="client"),
    "api.correct": call("completed", status="no_show", no_show_party="client", reason="Seen"),
    "api.reschedule": call("dossier", start_time=SOON, staff_user_id="{staff}"),
    "api.record_attendance": call("started", side="client", joined_at="2026-01-13T09:58:00Z"),
}
