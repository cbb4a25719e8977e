"""What somebody decides for themselves."""

from wtforms import BooleanField, PasswordField, RadioField, SelectChoice
from wtforms.validators import InputRequired

from webapp.ui.forms import DeskForm
from webapp.vocabulary import Density, Theme

THEMES = {
    Theme.SYSTEM: ("As the computer", "Light or dark, whatever its setting"),
    Theme.LIGHT: ("Light", ""),
    Theme.DARK: ("Dark", ""),
}
DENSITIES = {
    Density.COMFORTABLE: ("Comfortable", "Taller rows"),
    Density.COMPACT: ("Compact", "More rows on the screen"),
}


class LookForm(DeskForm):
    theme = RadioField(
        "Colours", choices=[SelectChoice(word.value, label) for word, (label, _) in THEMES.items()]
    )
    density = RadioField(
        "Rows", choices=[SelectChoice(word.value, label) for word, (label, _) in DENSITIES.items()]
    )
    shortcuts = BooleanField("Single-key shortcuts")


class PasswordForm(DeskForm):
    present = PasswordField("Present password", validators=[InputRequired("Enter your present password.")])
    password = PasswordField("New password", validators=[InputRequired("Enter a new password.")])


class SignOutForm(DeskForm):
    """Ending one session, or all."""
