"""A print as a PDF file for the signed-in person, and what is said where none can be made."""

from flask import Blueprint, Response, request

from webapp import printing
from webapp.extensions import db
from webapp.queries import export
from webapp.ui import errors
from webapp.ui.guards import me

PDF_ROWS = 500
"""Lines of one PDF file: some seconds in which one process makes no other."""


def answer(html: str, stem: str) -> Response:
    """A whole page on the paper that the firm's country prints on, named after the firm and ``stem``.

    The database is left alone while it is made.

    Raises:
        Unable, Busy: of :mod:`webapp.printing`; :func:`install` answers them.
    """
    user = me()
    size = "Letter" if user.local.month_first else "A4"
    name = f"{export.firm_slug(db.session(), firm_id=user.firm_id)}-{stem}"
    db.session.remove()
    response = Response(printing.pdf(html, size=size), mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.pdf"'
    return response


def install(bp: Blueprint) -> None:
    """501 where PDF files cannot be made here, 503 where others are being made."""
    bp.register_error_handler(printing.Unable, unable)
    bp.register_error_handler(printing.Busy, busy)


def unable(error: printing.Unable) -> Response:
    return errors.page(501, str(error), "No PDF files here")


def busy(error: printing.Busy) -> Response:
    again = request.full_path.rstrip("?")
    response = errors.page(503, str(error), "Too many PDF files at once", [("Try again", again)])
    response.headers["Retry-After"] = "30"
    return response
