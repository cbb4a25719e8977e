"""Forms that ask for nothing: a press of the button says it all."""

from webapp.ui.forms import DeskForm, VersionedForm


class DecisionForm(DeskForm):
    """Release or dismiss."""


class AcceptForm(VersionedForm):
    """Accept what the facts suggest, for the appointment as it was seen."""
