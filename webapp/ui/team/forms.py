"""The people of the firm."""

from wtforms import BooleanField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired

from webapp.lifecycle import team
from webapp.ui.forms import DeskForm, SeenForm
from webapp.vocabulary import Role

ROLE_WORDS = {
    Role.VIEWER: "Viewer: sees everything, changes nothing",
    Role.STAFF: "Staff: books and acts on appointments, edits clients",
    Role.MANAGER: "Manager: also double-books, corrects outcomes, runs settings and team",
    Role.OWNER: "Owner: like a manager, and the only one who acts on owners",
}


class PersonForm(SeenForm):
    """Name, role, and whether they take appointments. Only roles that the signed-in person may give."""

    name = StringField("Name", validators=[InputRequired("Enter a name.")])
    role = SelectField("Role", validators=[InputRequired("Choose a role.")])
    bookable = BooleanField("Takes appointments")

    def offer(self, mine: Role) -> None:
        self.role.choices = [SelectChoice(role.value, ROLE_WORDS[role]) for role in team.roles_for(mine)]

    @property
    def chosen_role(self) -> Role:
        return Role(self.role.data)


class InviteForm(PersonForm):
    email = StringField("E-mail", validators=[InputRequired("Enter an e-mail address.")])


class ConfirmForm(DeskForm):
    """A step that asks nothing but whether."""
