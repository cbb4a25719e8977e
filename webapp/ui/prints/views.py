"""The pages to print and their files. A person's address (``/reports/day-sheet``) is that of the preview."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, g, make_response, render_template, request

from webapp import printing
from webapp.extensions import db
from webapp.lifecycle.errors import Invalid
from webapp.queries import export
from webapp.queries.analytics import names
from webapp.ui import csv_table, papers, proof_files
from webapp.ui.guards import me, requires
from webapp.ui.papers import PDF_ROWS
from webapp.ui.prints import daily, dossier, forms, paper, period
from webapp.ui.prints.forms import Asked, AskForm, TooMuch
from webapp.ui.prints.paper import Paper
from webapp.vocabulary import Permission

bp = Blueprint("prints", __name__)
papers.install(bp)

BUILDERS: dict[str, Callable[[Any, Asked], Paper]] = {**daily.BUILDERS, **period.BUILDERS}
TITLES = {
    forms.DAY_SHEET: "Day sheet",
    forms.WEEK: "Week schedule",
    forms.MONTH: "Appointments report",
    forms.NO_SHOWS: "No-show report",
}
REPORT = "/reports/<any('day-sheet', week, month, 'no-shows'):report>"
PAGE_ROWS = 5000
"""Lines of a sheet or a week that the site shows: some megabytes."""
ELSEWHERE = "or have whoever runs Daybook write the file with “daybook report”."
DOSSIER = "/appointments/<int:appointment_id>/dossier"


class Refused(Invalid):
    """What was asked for cannot be printed; the form says why beside its fields."""

    def __init__(self, report: str, form: AskForm) -> None:
        super().__init__(" ".join(sentence for _field, sentence in form.errors_list()))
        self.report, self.form = report, form


@bp.get(REPORT)
@requires(Permission.VIEW)
def show(report: str) -> Response:
    """The preview; 422 with sentences where the address cannot be understood."""
    form, asked, made = _made(report, PAGE_ROWS, "page", f"or take the CSV file, {ELSEWHERE}")
    return make_response(
        _page(made, form=form, fields=forms.FIELDS[report], path=f"/reports/{report}", **_told(asked))
    )


@bp.get(f"{REPORT}.pdf")
@requires(Permission.VIEW)
def as_pdf(report: str) -> Response:
    """The same as a PDF file; 501 where this installation cannot make one, 503 where it makes others."""
    _form, asked, made = _made(report, PDF_ROWS, "PDF file", f"print the page, {ELSEWHERE}")
    return _pdf(made, **_told(asked))


@bp.endpoint("prints.as_whole_pdf")
def as_whole_pdf(report: str) -> Response:
    """The same of any length; the command line asks for it, no address leads here."""
    _form, asked, made = _made(report)
    return _pdf(made, **_told(asked))


@bp.endpoint("prints.as_html")
def as_html(report: str) -> Response:
    """The same as one file of its own; the command line asks for it, no address leads here."""
    _form, asked, made = _made(report)
    return _html(made, **_told(asked))


@bp.get(f"{REPORT}.csv")
@requires(Permission.EXPORT)
def as_csv(report: str) -> Response:
    """The same as a table."""
    _form, _asked, made = _made(report)
    return _csv(made)


@bp.get(DOSSIER)
@requires(Permission.VIEW)
def show_dossier(appointment_id: int) -> Response:
    """One appointment with the whole history of its chain."""
    path = f"/appointments/{appointment_id}/dossier"
    return make_response(_page(_dossier(appointment_id), form=None, fields=(), path=path, query=""))


@bp.get(f"{DOSSIER}.pdf")
@requires(Permission.VIEW)
def dossier_as_pdf(appointment_id: int) -> Response:
    """422 where the record is so long that making the file would hold up everybody else."""
    made = _dossier(appointment_id)
    entries = len(made.records())
    if entries > PDF_ROWS:
        raise Invalid(
            f"This record has {entries:,} entries, too many for one PDF file. Print the page, {ELSEWHERE}"
        )
    return _pdf(made)


@bp.endpoint("prints.dossier_as_whole_pdf")
def dossier_as_whole_pdf(appointment_id: int) -> Response:
    """Like :func:`as_whole_pdf`."""
    return _pdf(_dossier(appointment_id))


@bp.endpoint("prints.dossier_as_html")
def dossier_as_html(appointment_id: int) -> Response:
    """Like :func:`as_html`."""
    return _html(_dossier(appointment_id))


@bp.get(f"{DOSSIER}.csv")
@requires(Permission.EXPORT)
def dossier_as_csv(appointment_id: int) -> Response:
    return _csv(_dossier(appointment_id))


@bp.get(f"{DOSSIER}.jsonl")
@requires(Permission.EXPORT)
def dossier_proof(appointment_id: int) -> Response:
    """What proves the dossier's entries, for the verifier that needs no database."""
    lines = [*dossier.proof_lines(db.session(), firm_id=me().firm_id, appointment_id=appointment_id)]
    return proof_files.answer(lines, f"dossier-{appointment_id}")


def _dossier(appointment_id: int) -> Paper:
    user = me()
    made = dossier.dossier(
        db.session(), firm_id=user.firm_id, appointment_id=appointment_id, local=user.local
    )
    return replace(made, context=made.context | {"key": proof_files.public_key_text()})


def _made(
    report: str, most: int | None = None, kind: str = "", ways: str = ""
) -> tuple[AskForm, Asked, Paper]:
    """The print that was asked for.

    Raises:
        Refused: it has more than ``most`` lines, too many for a print of this ``kind``, or makes no sense.
    """
    form, asked = _ask(report)
    try:
        made = BUILDERS[report](db.session(), replace(asked, most=most))
    except TooMuch as error:
        form.staff.errors = [
            f"More than {error.most:,} appointments are too many for one {kind}. Choose somebody or a type, "
            f"{ways}"
        ]
        raise Refused(report, form) from error
    return form, asked, paper.marked(made, asked)


def _ask(report: str) -> tuple[AskForm, Asked]:
    """One statement.

    Raises:
        Refused: a field means nothing, or names what the firm does not have.
    """
    user = me()
    form = forms.read(report, request.args, local=user.local, now=g.now)
    account = forms.number(form.account.data)
    known = names.load(db.session(), firm_id=user.firm_id, accounts=[account] if account is not None else [])
    form.offer(known)
    asked = None
    if not any(field.errors for field in form):
        asked = forms.asked(form, report, firm_id=user.firm_id, me=user.staff_user_id, names=known)
    if asked is None:
        raise Refused(report, form)
    return form, asked


def _told(asked: Asked) -> dict[str, Any]:
    return {
        "narrowed": paper.narrowed(asked),
        "filters": paper.filters(asked),
        "as_of": paper.as_of(asked),
        "query": asked.url(""),
    }


def _page(made: Paper, **context: Any) -> str:
    return render_template(
        made.template,
        bare=False,
        nav_current="reports",
        title=made.title,
        back=made.back,
        **context,
        **made.context,
    )


def _document(made: Paper, **context: Any) -> str:
    """The print alone, without the page around it, as a document of its own."""
    return render_template(made.template, bare=True, title=made.title, **context, **made.context)


def _pdf(made: Paper, **context: Any) -> Response:
    return papers.answer(_document(made, **context), made.stem)


def _html(made: Paper, **context: Any) -> Response:
    return make_response(printing.alone(_document(made, **context)))


def _csv(made: Paper) -> Response:
    name = f"{_name(made)}.csv"
    return csv_table.answer(made.records(), made.columns, me().local, name)


def _name(made: Paper) -> str:
    return f"{export.firm_slug(db.session(), firm_id=me().firm_id)}-{made.stem}"


@bp.errorhandler(Refused)
def refused(error: Refused) -> Response:
    """The form as typed, with what is wrong with it."""
    report, form = error.report, error.form
    html = render_template(
        "prints/refused.html",
        bare=False,
        nav_current="reports",
        title=TITLES[report],
        form=form,
        fields=forms.FIELDS[report],
        form_errors=form.errors_list(),
        path=f"/reports/{report}",
    )
    return make_response(html, 422)
