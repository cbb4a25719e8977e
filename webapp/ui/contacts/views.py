"""The people whom the firm meets: found, listed, added, edited."""

from typing import Any

from flask import Blueprint, Response, current_app, flash, g, make_response, render_template, request

from webapp.extensions import db
from webapp.lifecycle import clients as lifecycle
from webapp.lifecycle import erasure
from webapp.queries import changes, client_files, client_pages, clients
from webapp.queries.client_pages import Whose
from webapp.ui import client_desk, downloads, guards, picker
from webapp.ui.client_desk import appointments_of, neighbour, turn
from webapp.ui.contacts.forms import ContactForm, EraseForm
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go, is_htmx
from webapp.vocabulary import Permission

bp = Blueprint("contacts", __name__)

MOST_FOUND = 200


@bp.get("/contacts")
@requires(Permission.VIEW)
def index() -> str:
    q = client_desk.searched()
    found = _search(q) if q else _listed()
    template = "contacts/_list.html" if is_htmx() else "contacts/index.html"
    return render_template(template, contact_q=q, nav_current="contacts", **found)


@bp.get("/contacts.csv")
@requires(Permission.EXPORT)
def as_file() -> Response:
    """All that are listed or found, past the page."""
    found = client_files.contacts(guards.engine(), firm_id=me().firm_id, q=client_desk.searched())
    return downloads.table(found, client_desk.CONTACTS, "contacts")


def _search(q: str) -> dict[str, Any]:
    session, firm_id = db.session(), me().firm_id
    ids = clients.matching_contact_ids(session, firm_id=firm_id, q=q, limit=MOST_FOUND + 1)
    found = client_pages.contacts_by_ids(session, firm_id=firm_id, contact_ids=ids[:MOST_FOUND])
    return {"contacts": found, "too_many": len(ids) > MOST_FOUND, "turn": {}}


def _listed() -> dict[str, Any]:
    page = client_pages.contacts(
        db.session(), firm_id=me().firm_id, before=neighbour("before"), after=neighbour("after")
    )
    return {"contacts": page.rows, "too_many": False, "turn": turn(page, "/contacts")}


@bp.get("/contacts/options")
@requires(Permission.VIEW)
def options() -> str:
    none = "Nobody in particular" if request.args.get("none") else ""
    found = picker.contacts(picker.typed("contact_q"), neighbour("contact_id"), none=none)
    return render_template("partials/picker_options.html", found=found)


@bp.route("/contacts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def new() -> Response:
    form = ContactForm()
    if request.method == "GET" and (account := neighbour("account")):
        client_pages.account(db.session(), firm_id=me().firm_id, account_id=account)
        form.account_id.data = str(account)
    if request.form.get("step") != "find" and form.accepted():
        made = form.attempt(lambda: _create(form))
        if made is not None:
            flash(f"Added {made['name']}.", "toast")
            return go(f"/contacts/{made['contact_id']}")
    return _form_page(form, "New contact", "/contacts", "Contacts")


def _create(form: ContactForm) -> dict[str, Any]:
    contact = lifecycle.create_contact(db.session(), actor=me().actor, facts=form.facts(), now=g.now)
    return {"contact_id": contact.contact_id, "name": contact.name}


@bp.get("/contacts/<int:contact_id>")
@requires(Permission.VIEW)
def show(contact_id: int) -> str:
    contact = client_pages.contact(db.session(), firm_id=me().firm_id, contact_id=contact_id)
    shown = appointments_of(Whose(contact_id=contact_id), f"/contacts/{contact_id}")
    erased = contact.erased_at and changes.erasure(db.session(), firm_id=me().firm_id, contact_id=contact_id)
    return render_template(
        "contacts/show.html", contact=contact, erased=erased, nav_current="contacts", **shown
    )


@bp.get("/contacts/<int:contact_id>/appointments.csv")
@requires(Permission.EXPORT)
def appointments_as_file(contact_id: int) -> Response:
    contact = client_pages.contact(db.session(), firm_id=me().firm_id, contact_id=contact_id)
    whose = Whose(contact_id=contact.contact_id)
    return client_desk.appointments_as_file(whose, f"contact-{contact_id}-appointments")


@bp.route("/contacts/<int:contact_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def edit(contact_id: int) -> Response:
    session, firm_id = db.session(), me().firm_id
    seen = changes.of_contact(session, firm_id=firm_id, contact_id=contact_id)
    contact = client_pages.contact(session, firm_id=firm_id, contact_id=contact_id)
    form = ContactForm.showing(contact, seen)
    sent = request.form.get("step") != "find" and form.accepted()
    if sent and form.attempt(lambda: _edit(form, contact_id)) is not None:
        flash(f"Saved {' '.join(form.name.data.split())}.", "toast")
        return go(f"/contacts/{contact_id}")
    return _form_page(form, f"Edit {contact.name}", f"/contacts/{contact_id}", contact.name)


def _edit(form: ContactForm, contact_id: int) -> bool:
    session, actor = db.session(), me().actor
    contact = lifecycle.get_contact(session, actor.firm_id, contact_id)
    return lifecycle.edit_contact(
        session, contact, actor=actor, facts=form.facts(), now=g.now, seen=form.last_seen
    )


@bp.route("/contacts/<int:contact_id>/erasure", methods=["GET", "POST"])
@requires(Permission.MANAGE_SETTINGS)
def erase(contact_id: int) -> Response:
    """What would go and what stays, and the name typed again before it does."""
    session, firm_id = db.session(), me().firm_id
    contact = client_pages.contact(session, firm_id=firm_id, contact_id=contact_id)
    form = EraseForm()
    if form.accepted() and form.attempt(lambda: _erase(form, contact_id)) is not None:
        flash("Erased. The record says that it was done, by whom and on what grounds.", "toast")
        return go(f"/contacts/{contact_id}")
    page = render_template(
        "contacts/erase.html",
        contact=contact,
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        reach=erasure.reach(session, firm_id=firm_id, contact_id=contact_id),
        nav_current="contacts",
    )
    return make_response(page, form.status)


def _erase(form: EraseForm, contact_id: int) -> None:
    erasure.erase(
        db.session(),
        actor=me().actor,
        contact_id=contact_id,
        name=form.name.data or "",
        why=form.why.data or "",
        secret=current_app.config["SECRET_KEY"],
        now=g.now,
    )


def _form_page(form: ContactForm, title: str, back_url: str, back_label: str) -> Response:
    accounts = picker.accounts(picker.typed("account_q"), picker.chosen(form.account_id), none="No account")
    page = render_template(
        "contacts/form.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        page_title=title,
        accounts=accounts,
        back_url=back_url,
        back_label=back_label,
        nav_current="contacts",
    )
    return make_response(page, form.status)
