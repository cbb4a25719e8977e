"""What all forms share: the one-effect token, the version seen, and errors as sentences beside fields."""

import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import request
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField
from wtforms.validators import Optional
from wtforms.widgets import HiddenInput

from webapp.extensions import db
from webapp.lifecycle import transaction
from webapp.lifecycle.errors import DomainError, Invalid, LimitReached, SlotTaken

Result = TypeVar("Result")

TOKEN_LENGTH = 100
STALE = "This page had been open for too long, so nothing was sent on. It is fresh now: try again."


def new_token() -> str:
    """128 random bits for a form; the first submission that carries them is the only one with an effect."""
    return secrets.token_urlsafe(16)


class DeskForm(FlaskForm):
    """Base of all forms. ``status`` is what an answer that shows the form again is sent with."""

    form_token = HiddenField(default=new_token)

    code: int = 200

    @property
    def status(self) -> int:
        return self.code

    @property
    def token(self) -> str:
        typed = self.form_token.data or ""
        return "".join(c for c in typed[:TOKEN_LENGTH] if c.isascii() and c.isprintable())

    def accepted(self) -> bool:
        """Whether this is a submission whose fields are in order; ``status`` is 422 where they are not."""
        if request.method != "POST":
            return False
        if self.validate():
            return True
        self.code = 422
        return False

    def errors_list(self) -> list[tuple[str, str]]:
        """``(field id, sentence)`` for the error summary, in the order of the fields."""
        found = [(field.id, str(error)) for field in self for error in field.errors]
        return found + [("", str(error)) for error in self.form_errors]

    def refuse(self, error: DomainError) -> None:
        """Show a domain error where it belongs: beside its field, or over the form."""
        self.code = 409 if isinstance(error, SlotTaken | LimitReached) else 422
        field = self._fields.get(error.field or "")
        if field is None:
            self.form_errors.append(error.sentence)
        else:
            field.errors = [*field.errors, error.sentence]

    def attempt(self, work: Callable[[], Result]) -> Result | None:
        """Run a unit of work; None when the domain refused what was typed (shown in the form).

        Conflicts with somebody else's change are not the form's to explain and go on to the error handler.
        """
        try:
            return transaction.run(db.session(), work)
        except (Invalid, SlotTaken, LimitReached) as error:
            self.refuse(error)
            return None


class VersionedForm(DeskForm):
    """A form about an appointment as the person saw it."""

    version = IntegerField(widget=HiddenInput(), validators=[Optional()])


class PublicForm(DeskForm):
    """A form of a view that is exempt from the check of tokens before it: the form checks its own.

    So a stale token shows the form again, with a sentence and a fresh token, and the second try works.
    """

    retry_after: int = 0  # seconds, where there were too many tries

    def accepted(self) -> bool:
        if super().accepted():
            return True
        if self.errors.get("csrf_token"):
            self.csrf_token.errors = ()
            self.form_errors.append(STALE)
        return False


def status_of(form: Any) -> int:
    """200 for a form shown for the first time, 422 or 409 for one shown again."""
    return int(form.status)
