"""A form that does nothing, to show what fields look like."""

from typing import Self

from wtforms import BooleanField, DateField, Form, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired


class SampleForm(Form):
    text = StringField("Name", default="Amara Okafor", validators=[InputRequired()])
    wrong = StringField("End", default="09:15", validators=[InputRequired()])
    choice = SelectField("Type", choices=["Portfolio review", "First meeting"])
    date = DateField("Date")
    time = StringField("Time", default="14:30", validators=[InputRequired()])
    agree = BooleanField("Send an e-mail about it")
    party = RadioField("Who didn’t show?", choices=["client", "staff"], default="client")
    note = TextAreaField("Note")

    @classmethod
    def sample(cls) -> Self:
        form = cls()
        form.wrong.errors = ["Enter a time between 09:45 and 11:20"]
        return form
