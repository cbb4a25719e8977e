"""Signing in."""

from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from webapp.ui.forms import DeskForm

STALE = "This page had been open for too long, so nothing was sent on. It is fresh now: sign in again."


class PublicForm(DeskForm):
    """A form whose own check replaces the one before the view, so that a stale token shows the form again."""

    stale = STALE
    retry_after: int = 0  # seconds

    def accepted(self) -> bool:
        if super().accepted():
            return True
        if "csrf_token" in self.errors:
            self.csrf_token.errors = ()
            self.form_errors.append(self.stale)
        return False


class SignInForm(PublicForm):
    email = StringField(
        "E-mail",
        validators=[
            InputRequired("Enter your e-mail address."),
            Length(max=254, message="This is too long."),
        ],
    )
    password = PasswordField("Password", validators=[InputRequired("Enter your password.")])


class FirmForm(PublicForm):
    account = RadioField("Firm", validators=[InputRequired("Choose a firm.")])
