"""Signing in."""

from wtforms import PasswordField, RadioField, StringField
from wtforms.validators import InputRequired, Length

from webapp.ui.forms import PublicForm


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
