"""What all forms share: the one-effect token, the version seen, and errors as sentences beside fields."""

import hashlib
import secrets
from collections.abc import Callable
from typing import Any

from flask import g, request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, IntegerField
from wtforms.validators import Optional
from wtforms.widgets import HiddenInput

from webapp.extensions import db
from webapp.lifecycle import submissions, transaction
from webapp.lifecycle.errors import DomainError, Invalid, LimitReached, Overtaken, SlotTaken, Stale

TOKEN_LENGTH = 100
LONGEST_NUMBER = 20
KEPT = "What you typed is still here; send it again if it still holds."
STALE = "This page had been open for too long, so nothing was sent on. It is fresh now: try again."


def new_token() -> str:
    """128 random bits for a form; the first submission that carries them is the only one with an effect."""
    return secrets.token_urlsafe(16)


def once(token: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work in a transaction, or give the answer that this form got when it first arrived here.

    A token counts for one address: the same one sent elsewhere is another form. Without a token, or without
    a signed-in person, the work is done each time.
    """
    user, now = g.get("me"), g.now
    if user is None or not token:
        return transaction.run(db.session(), work)
    args = sorted((request.view_args or {}).items())
    key = hashlib.sha256(f"{request.endpoint}|{args}|{token}".encode()).hexdigest()
    return transaction.run(
        db.session(),
        lambda: submissions.once(db.session(), firm_id=user.firm_id, token=key, now=now, work=work)[0],
    )


class WholeNumber(IntegerField):
    """An integer of up to 20 characters; a longer one is no number, as a word is not.

    What checks a range makes a float of it, and there is none above 10 to the 308th.
    """

    def __init__(self, label: str | None = None, **options: Any) -> None:
        super().__init__(label, invalid_value_message="Enter a whole number.", **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([text if len(text) <= LONGEST_NUMBER else "" for text in valuelist])


class DeskForm(FlaskForm):
    """Base of all forms. ``status`` is what an answer that shows the form again is sent with."""

    class Meta(FlaskForm.Meta):
        """No field takes a file or JSON: sent in the place of a text they are not there."""

        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            if formdata is None or isinstance(formdata, MultiDict):
                return formdata
            return request.form if request.method == "POST" and request.form else None

    form_token = HiddenField(default=new_token)

    code: int = 200
    refusal: DomainError | None = None

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
        self.refusal = error
        self.code = 409 if isinstance(error, SlotTaken | LimitReached) else 422
        field = self._fields.get(error.field or "")
        if field is None:
            self.form_errors.append(error.sentence)
        else:
            field.errors = [*field.errors, error.sentence]

    def overtaken(self, error: Stale) -> None:
        """Show the form again with everything typed, and who changed what in between (409)."""
        self.refusal, self.code = error, 409
        self.form_errors.append(f"Not saved: {error.sentence} {KEPT}")

    def attempt(self, work: Callable[[], Any]) -> dict[str, Any] | None:
        """Run a unit of work once per form; None when it was refused, which the form then says.

        Args:
            work: a dict that it returns is the answer, kept for the same form sent again (JSON-able);
                anything else is an empty answer.

        Raises:
            Conflict: the appointment came to stand otherwise; the view knows how to explain it.
        """

        def effect() -> dict[str, Any]:
            found = work()
            return found if isinstance(found, dict) else {}

        try:
            return once(self.token, effect)
        except (Invalid, SlotTaken, LimitReached) as error:
            self.refuse(error)
        except Overtaken as error:
            self.overtaken(error)
        return None


class VersionedForm(DeskForm):
    """A form about an appointment as the person saw it."""

    version = WholeNumber(widget=HiddenInput(), validators=[Optional()])

    def now_at(self, version: int) -> None:
        """Let the form, shown again, be about this version."""
        self.version.data, self.version.raw_data = version, None


class SeenForm(DeskForm):
    """A form about a record without a version: ``seen`` is the number of the last change it was made from."""

    seen = HiddenField()

    @property
    def last_seen(self) -> int:
        text = self.seen.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    def overtaken(self, error: Stale) -> None:
        super().overtaken(error)
        if isinstance(error, Overtaken):
            self.seen.data = str(error.last)


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
