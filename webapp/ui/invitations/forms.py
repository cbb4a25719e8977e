"""Setting a password by a one-time link."""

from wtforms import PasswordField
from wtforms.validators import InputRequired

from webapp.ui.forms import PublicForm


class NewPasswordForm(PublicForm):
    password = PasswordField("Password", validators=[InputRequired("Enter a password.")])
