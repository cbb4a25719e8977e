"""Which mail the firm sends: every kind with its switch, and what it looks like."""

from flask import Blueprint, Response, abort, current_app, flash, g, make_response, render_template, request

from webapp.delivery import outbox, preview
from webapp.delivery.rendering import Rendered
from webapp.extensions import db
from webapp.lifecycle import transaction
from webapp.queries import mail
from webapp.ui import mail_words
from webapp.ui.forms import DeskForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go
from webapp.vocabulary import MailTemplate, Permission

bp = Blueprint("mail_settings", __name__)

LIST = "/settings/mail"
KIND = f"{LIST}/<any({', '.join(template.value for template in MailTemplate)}):template>"


@bp.get(LIST)
@requires(Permission.MANAGE_SETTINGS)
def index() -> str:
    return render_template(
        "mail_settings/index.html",
        kinds=_kinds(),
        off=mail.switched_off(db.session(), firm_id=me().firm_id),
        has_server=bool(current_app.config["SETTINGS"].smtp_url),
        nav_current="settings",
    )


def _kinds() -> dict[MailTemplate, tuple[str, str]]:
    return mail_words.described(mail.hours_before(db.session(), firm_id=me().firm_id))


@bp.get(KIND)
@requires(Permission.MANAGE_SETTINGS)
def show(template: str) -> str:
    kind = MailTemplate(template)
    name, when = _kinds()[kind]
    return render_template(
        "mail_settings/show.html",
        kind=kind,
        name=name,
        sent_when=when,
        is_on=kind not in mail.switched_off(db.session(), firm_id=me().firm_id),
        shown=_preview(kind),
        form=DeskForm(),
        nav_current="settings",
    )


def _preview(kind: MailTemplate) -> Rendered:
    settings = current_app.config["SETTINGS"]
    return preview.preview(db.session(), firm_id=me().firm_id, template=kind, settings=settings, now=g.now)


@bp.get(f"{KIND}/html")
@requires(Permission.MANAGE_SETTINGS)
def html(template: str) -> Response:
    """The example's HTML part alone, as the recipient's programme would show it."""
    return make_response(_preview(MailTemplate(template)).html, 200, mail_words.HTML_HEADERS)


@bp.post(f"{KIND}/switch")
@requires(Permission.MANAGE_SETTINGS)
def switch(template: str) -> Response:
    kind, wish = MailTemplate(template), request.form.get("on", "")
    if wish not in {"0", "1"}:
        abort(400)
    on = wish == "1"
    transaction.run(
        db.session(),
        lambda: outbox.switch(db.session(), actor=me().actor, template=kind, on=on, now=g.now),
    )
    name = mail_words.NAMES[template]
    flash(f"“{name}” {'is sent from now on' if on else 'is not sent any more'}.", "toast")
    return go(LIST)
