"""Client organisations: found, listed, added, edited."""

from typing import Any

from flask import Blueprint, Response, flash, g, make_response, render_template

from webapp.extensions import db
from webapp.lifecycle import clients as lifecycle
from webapp.queries import changes, client_files, client_pages, clients
from webapp.queries.client_pages import Whose
from webapp.ui import client_desk, downloads, guards, picker
from webapp.ui.accounts.forms import AccountForm
from webapp.ui.client_desk import appointments_of, neighbour, turn
from webapp.ui.guards import me, requires
from webapp.ui.htmx import go, is_htmx
from webapp.vocabulary import Permission

bp = Blueprint("accounts", __name__)

MOST_FOUND = 200


@bp.get("/accounts")
@requires(Permission.VIEW)
def index() -> str:
    q = client_desk.searched()
    found = _search(q) if q else _listed()
    template = "accounts/_list.html" if is_htmx() else "accounts/index.html"
    return render_template(template, account_q=q, nav_current="contacts", **found)


@bp.get("/accounts.csv")
@requires(Permission.EXPORT)
def as_file() -> Response:
    """All that are listed or found, past the page."""
    found = client_files.accounts(guards.engine(), firm_id=me().firm_id, q=client_desk.searched())
    return downloads.table(found, client_desk.ACCOUNTS, "accounts")


def _search(q: str) -> dict[str, Any]:
    session, firm_id = db.session(), me().firm_id
    ids = clients.matching_account_ids(session, firm_id=firm_id, q=q, limit=MOST_FOUND + 1)
    found = client_pages.accounts_by_ids(session, firm_id=firm_id, account_ids=ids[:MOST_FOUND])
    return {"accounts": found, "too_many": len(ids) > MOST_FOUND, "turn": {}}


def _listed() -> dict[str, Any]:
    page = client_pages.accounts(
        db.session(), firm_id=me().firm_id, before=neighbour("before"), after=neighbour("after")
    )
    return {"accounts": page.rows, "too_many": False, "turn": turn(page, "/accounts")}


@bp.get("/accounts/options")
@requires(Permission.VIEW)
def options() -> str:
    found = picker.accounts(picker.typed("account_q"), neighbour("account_id"), none="No account")
    return render_template("partials/picker_options.html", found=found)


@bp.route("/accounts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def new() -> Response:
    form = AccountForm()
    if form.accepted():
        made = form.attempt(lambda: _create(form))
        if made is not None:
            flash(f"Added {made['name']}.", "toast")
            return go(f"/accounts/{made['account_id']}")
    return _form_page(form, "New account", "/accounts", "Accounts")


def _create(form: AccountForm) -> dict[str, Any]:
    account = lifecycle.create_account(db.session(), actor=me().actor, facts=form.facts(), now=g.now)
    return {"account_id": account.account_id, "name": account.name}


@bp.get("/accounts/<int:account_id>")
@requires(Permission.VIEW)
def show(account_id: int) -> str:
    session, firm_id, path = db.session(), me().firm_id, f"/accounts/{account_id}"
    account = client_pages.account(session, firm_id=firm_id, account_id=account_id)
    people = client_pages.contacts(
        session,
        firm_id=firm_id,
        account_id=account_id,
        before=neighbour("contacts_before"),
        after=neighbour("contacts_after"),
    )
    return render_template(
        "accounts/show.html",
        account=account,
        contacts=people.rows,
        contacts_turn=turn(people, path, before="contacts_before", after="contacts_after"),
        show_client=True,
        nav_current="contacts",
        **appointments_of(Whose(account_id=account_id), path),
    )


@bp.get("/accounts/<int:account_id>/contacts.csv")
@requires(Permission.EXPORT)
def contacts_as_file(account_id: int) -> Response:
    account = client_pages.account(db.session(), firm_id=me().firm_id, account_id=account_id)
    found = client_files.contacts(guards.engine(), firm_id=me().firm_id, account_id=account.account_id)
    return downloads.table(found, client_desk.CONTACTS, f"account-{account_id}-contacts")


@bp.get("/accounts/<int:account_id>/appointments.csv")
@requires(Permission.EXPORT)
def appointments_as_file(account_id: int) -> Response:
    account = client_pages.account(db.session(), firm_id=me().firm_id, account_id=account_id)
    whose = Whose(account_id=account.account_id)
    return client_desk.appointments_as_file(whose, f"account-{account_id}-appointments")


@bp.route("/accounts/<int:account_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CLIENTS)
def edit(account_id: int) -> Response:
    session, firm_id = db.session(), me().firm_id
    seen = changes.of_account(session, firm_id=firm_id, account_id=account_id)
    account = client_pages.account(session, firm_id=firm_id, account_id=account_id)
    form = AccountForm(data={"seen": str(seen), "name": account.name, "notes": account.notes})
    if form.accepted() and form.attempt(lambda: _edit(form, account_id)) is not None:
        flash(f"Saved {' '.join(form.name.data.split())}.", "toast")
        return go(f"/accounts/{account_id}")
    return _form_page(form, f"Edit {account.name}", f"/accounts/{account_id}", account.name)


def _edit(form: AccountForm, account_id: int) -> bool:
    session, actor = db.session(), me().actor
    account = lifecycle.get_account(session, actor.firm_id, account_id)
    return lifecycle.edit_account(
        session, account, actor=actor, facts=form.facts(), now=g.now, seen=form.last_seen
    )


def _form_page(form: AccountForm, title: str, back_url: str, back_label: str) -> Response:
    page = render_template(
        "accounts/form.html",
        form=form,
        form_errors=form.errors_list() if form.status != 200 else [],
        page_title=title,
        back_url=back_url,
        back_label=back_label,
        nav_current="contacts",
    )
    return make_response(page, form.status)
