"""The outbox: what was written to whom, what became of it, and letting it go out again."""

from urllib.parse import urlencode

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request

from webapp.config import Settings
from webapp.delivery import outbox as delivery
from webapp.delivery import placeholders
from webapp.delivery.message import BadAddress
from webapp.delivery.placeholders import Bodies
from webapp.extensions import db
from webapp.lifecycle.errors import Missing
from webapp.queries import mail
from webapp.queries.mail import Mail, MailRow, Wanted
from webapp.ui import downloads, guards, mail_words
from webapp.ui.client_desk import neighbour
from webapp.ui.csv_table import Columns
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.ui.outbox import again, of_appointment
from webapp.vocabulary import MailState, MailTemplate, Permission

bp = Blueprint("outbox", __name__)
of_appointment.install(bp)

MAIL = "/outbox/<int:mail_message_id>"
COLUMNS: Columns[MailRow] = (
    ("Reference", lambda row: row.mail_message_id),
    ("Written", lambda row: row.created_at),
    ("State", lambda row: mail_words.STATES[row.state]),
    ("Sent", lambda row: row.sent_at),
    ("Kind", lambda row: mail_words.TEMPLATES[row.template][0]),
    ("Subject", lambda row: row.subject),
    ("To", lambda row: row.recipient_name),
    ("Address", lambda row: row.recipient),
    ("Tries", lambda row: row.attempts),
    ("Next try", lambda row: row.due_at if row.state is MailState.WAITING else None),
    ("Last error", lambda row: row.last_error),
)


def _settings() -> Settings:
    found: Settings = current_app.config["SETTINGS"]
    return found


@bp.get("/outbox")
@requires(Permission.MANAGE_SETTINGS)
def index() -> str:
    wanted = _wanted()
    page = mail.outbox(
        db.session(),
        firm_id=me().firm_id,
        wanted=wanted,
        before=neighbour("before"),
        after=neighbour("after"),
    )
    return render_template(
        "outbox/index.html",
        mails=page.rows,
        wanted=wanted,
        narrowed=wanted != Wanted(),
        prev_url=_turn(before=page.before),
        next_url=_turn(after=page.after),
        csv_url=_kept("/outbox.csv"),
        has_server=bool(_settings().smtp_url),
        form=DeskForm(),
        **_words(),
    )


@bp.get("/outbox.csv")
@requires(Permission.MANAGE_SETTINGS)
def as_file() -> Response:
    """All mail that passes the filters."""
    found = mail.every(guards.engine(), firm_id=me().firm_id, wanted=_wanted())
    return downloads.table(found, COLUMNS, "outbox")


@bp.post("/outbox/resend")
@requires(Permission.MANAGE_SETTINGS)
def resend_failed() -> Response:
    """All that failed goes out again; whatever is in the way is said by a toast on the list."""
    form = DeskForm()
    said = "Nothing was sent again. Try once more."
    if form.accepted():
        answer = form.attempt(lambda: {"said": _said(_resend_failed())})
        said = answer["said"] if answer is not None else " ".join(text for _id, text in form.errors_list())
    flash(said, "toast")
    return go("/outbox?state=failed")


def _resend_failed() -> int:
    return delivery.resend_failed(db.session(), actor=me().actor, settings=_settings(), now=g.now)


def _said(count: int) -> str:
    if not count:
        return "Nothing that failed is about a meeting still ahead."
    return f"{'1 mail goes' if count == 1 else f'{count} mails go'} out again with the next delivery."


def _wanted() -> Wanted:
    state, template = request.args.get("state", ""), request.args.get("template", "")
    return Wanted(
        state=MailState(state) if state in set(MailState) else None,
        template=MailTemplate(template) if template in set(MailTemplate) else None,
        q=request.args.get("q", "").replace("\x00", "").strip()[:200],
    )


def _turn(**key: int | None) -> str:
    """The address of a neighbouring page with the same filters; empty where the list ends."""
    return "" if None in key.values() else _kept("/outbox", **key)


def _kept(path: str, **key: int | None) -> str:
    """An address with the filters of this one."""
    kept = {name: request.args[name] for name in ("state", "template", "q") if request.args.get(name)}
    query = urlencode({**kept, **key})
    return f"{path}?{query}" if query else path


def _words() -> dict[str, object]:
    return {"kinds": mail_words.NAMES, "states": mail_words.STATE_NAMES, "nav_current": "settings"}


@bp.get(MAIL)
@requires(Permission.MANAGE_SETTINGS)
def show(mail_message_id: int) -> Response:
    return _show(mail_message_id, DeskForm())


@bp.post(f"{MAIL}/resend")
@requires(Permission.MANAGE_SETTINGS)
def resend(mail_message_id: int) -> Response:
    return again.resend(
        mail_message_id, back=f"/outbox/{mail_message_id}", show=lambda form: _show(mail_message_id, form)
    )


def _show(mail_message_id: int, form: DeskForm) -> Response:
    found = mail.get(db.session(), firm_id=me().firm_id, mail_message_id=mail_message_id)
    page = render_template(
        "outbox/show.html",
        mail=found,
        bodies=_bodies(found),
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        has_server=bool(_settings().smtp_url),
        **_words(),
    )
    return make_response(page, form.status)


def _bodies(found: Mail) -> Bodies:
    return placeholders.filled(db.session(), found, firm_id=me().firm_id, secret=_settings().secret_key)


@bp.get(f"{MAIL}/html")
@requires(Permission.MANAGE_SETTINGS)
def html(mail_message_id: int) -> Response:
    """The HTML part alone, as the recipient's programme would show it."""
    found = mail.get(db.session(), firm_id=me().firm_id, mail_message_id=mail_message_id)
    return make_response(_bodies(found).html, 200, mail_words.HTML_HEADERS)


@bp.get(f"{MAIL}.eml")
@requires(Permission.MANAGE_SETTINGS)
def eml(mail_message_id: int) -> Response:
    try:
        letter = delivery.letter(
            db.session(), firm_id=me().firm_id, mail_message_id=mail_message_id, settings=_settings()
        )
    except BadAddress as error:
        raise Missing(str(error)) from error
    return _file(letter.as_bytes(), "message/rfc822", f"mail-{mail_message_id}.eml")


@bp.get(f"{MAIL}.ics")
@requires(Permission.MANAGE_SETTINGS)
def ics(mail_message_id: int) -> Response:
    found = mail.get(db.session(), firm_id=me().firm_id, mail_message_id=mail_message_id)
    calendar = _bodies(found).calendar
    if calendar is None:
        raise Missing("This mail has no calendar entry.")
    kind = f"text/calendar; charset=utf-8; method={found.calendar_method}"
    return _file(calendar.encode(), kind, f"appointment-{mail_message_id}.ics")


def _file(content: bytes, kind: str, name: str) -> Response:
    response = make_response(content)
    response.headers["Content-Type"] = kind
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
