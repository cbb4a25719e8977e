"""The e-mail addresses of staff, in the one form in which accounts keep them."""

from email_validator import EmailNotValidError, validate_email

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.text import one_line

LENGTH = 254


def staff_address(typed: str) -> str:
    """An address as accounts keep it: checked for its form, in small letters, its domain in ASCII.

    Nobody is asked whether the domain exists.

    Raises:
        Invalid: it is missing or malformed.
    """
    try:
        found = validate_email(
            one_line(typed, LENGTH, "email"), check_deliverability=False, allow_smtputf8=False
        )
    except EmailNotValidError:
        raise Invalid("Enter an e-mail address, such as lena@example.com.", field="email") from None
    return (found.ascii_email or found.normalized).lower()


def looked_up(typed: str) -> str:
    """The form under which a typed address is looked for; what no account can have stays as it is."""
    text = "".join(
        character for character in typed if character.isprintable() and not character.isspace()
    ).lower()
    try:
        return staff_address(text)
    except Invalid:
        return text
