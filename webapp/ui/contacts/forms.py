"""A contact."""

from typing import Any

from wtforms import RadioField, SelectField, StringField, TextAreaField

from webapp.lifecycle.clients import (
    EMAIL_LENGTH,
    NAME_LENGTH,
    NOTES_LENGTH,
    PHONE_LENGTH,
    ContactFacts,
)
from webapp.lifecycle.erasure import WHY_LENGTH
from webapp.localtime import zone_names
from webapp.ui.forms import DeskForm, SeenForm
from webapp.ui.picker import key_of


def _zones() -> list[tuple[str, str]]:
    named = [(name, name.replace("_", " ")) for name in sorted(zone_names())]
    return [("", "The firm’s"), *named]


class ContactForm(SeenForm):
    """Rules are the lifecycle's; the form knows shapes."""

    name = StringField("Name", render_kw={"maxlength": NAME_LENGTH, "autocomplete": "off", "required": True})
    email = StringField(
        "E-mail", render_kw={"maxlength": EMAIL_LENGTH, "autocomplete": "off", "inputmode": "email"}
    )
    phone = StringField(
        "Phone", render_kw={"maxlength": PHONE_LENGTH, "autocomplete": "off", "inputmode": "tel"}
    )
    account_id = RadioField("Account", choices=[], validate_choice=False)
    timezone = SelectField("Time zone", choices=_zones, validate_choice=False)
    notes = TextAreaField("Notes", render_kw={"maxlength": NOTES_LENGTH})

    def facts(self) -> ContactFacts:
        """What was typed (Invalid when the account is no id)."""
        return ContactFacts(
            name=self.name.data or "",
            email=self.email.data or "",
            phone=self.phone.data or "",
            account_id=key_of(self.account_id, "Choose an account from the list."),
            timezone=self.timezone.data or None,
            notes=self.notes.data or "",
        )

    @classmethod
    def showing(cls, contact: Any, seen: int) -> "ContactForm":
        """The form filled with what is known after change ``seen``, under anything that was typed."""
        return cls(
            data={
                "seen": str(seen),
                "name": contact.name,
                "email": contact.email,
                "phone": contact.phone,
                "account_id": str(contact.account_id or ""),
                "timezone": contact.timezone or "",
                "notes": contact.notes,
            }
        )


class EraseForm(DeskForm):
    """The name typed again, and on what grounds."""

    name = StringField("Name", render_kw={"maxlength": NAME_LENGTH, "autocomplete": "off", "required": True})
    why = StringField("Grounds", render_kw={"maxlength": WHY_LENGTH, "autocomplete": "off", "required": True})
