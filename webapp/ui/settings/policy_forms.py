"""Outcomes, reminders and links: what a firm lets time do."""

from typing import Any, Self

from wtforms import BooleanField, RadioField, SelectChoice, SelectField
from wtforms.validators import InputRequired, NumberRange

from webapp.lifecycle import firm_policies
from webapp.lifecycle.firm_policies import OutcomeValues, ReachValues
from webapp.queries.settings import Shown
from webapp.ui.forms import SeenForm, WholeNumber
from webapp.ui.settings.units import UNITS, in_unit
from webapp.ui.settings.words import POLICIES
from webapp.vocabulary import OutcomePolicy

NUMBER = "Enter a whole number."


def _amount(label: str) -> WholeNumber:
    return WholeNumber(label, validators=[InputRequired(NUMBER), NumberRange(0, 100_000, NUMBER)])


def _unit(label: str) -> SelectField:
    return SelectField(label, choices=list(UNITS))


def _policy(label: str) -> RadioField:
    return RadioField(
        label,
        choices=[SelectChoice(policy.value, words) for policy, words in POLICIES.items()],
        validators=[InputRequired("Choose who decides.")],
    )


def _hours(label: str, limits: tuple[int, int]) -> WholeNumber:
    low, high = limits
    sentence = f"Enter a whole number of hours from {low} to {high}."
    return WholeNumber(label, validators=[InputRequired(sentence), NumberRange(low, high, sentence)])


class OutcomesForm(SeenForm):
    completion_policy = _policy("When a meeting has ended")
    complete_after = _amount("Time after the end")
    complete_after_unit = _unit("Unit of the time after the end")
    no_show_policy = _policy("When somebody has not joined")
    no_show_after = _amount("Time after the start")
    no_show_after_unit = _unit("Unit of the time after the start")

    @classmethod
    def showing(cls, shown: Shown[OutcomeValues]) -> Self:
        """The form filled with the present settings, under anything that was typed."""
        values = shown.values
        filled: dict[str, Any] = {
            "seen": str(shown.seen),
            "completion_policy": values.completion_policy.value,
            "no_show_policy": values.no_show_policy.value,
            **in_unit("complete_after", values.complete_after),
            **in_unit("no_show_after", values.no_show_after),
        }
        return cls(data=filled)

    def values(self) -> OutcomeValues:
        """What was typed."""
        return OutcomeValues(
            complete_after=self.complete_after.data * UNITS[self.complete_after_unit.data],
            completion_policy=OutcomePolicy(self.completion_policy.data),
            no_show_after=self.no_show_after.data * UNITS[self.no_show_after_unit.data],
            no_show_policy=OutcomePolicy(self.no_show_policy.data),
        )


class RemindersForm(SeenForm):
    reminder_hours = _hours("Hours before the start", firm_policies.REMINDER_HOURS)
    last_call_hours = _hours("Hours before the deadline", firm_policies.LAST_CALL_HOURS)
    client_links = BooleanField("Clients get personal links")

    @classmethod
    def showing(cls, shown: Shown[ReachValues]) -> Self:
        """The form filled with the present settings, under anything that was typed."""
        values = shown.values
        return cls(
            data={
                "seen": str(shown.seen),
                "reminder_hours": values.reminder_hours,
                "last_call_hours": values.last_call_hours,
                "client_links": values.client_links,
            }
        )

    def values(self) -> ReachValues:
        """What was typed."""
        return ReachValues(
            reminder_hours=self.reminder_hours.data,
            last_call_hours=self.last_call_hours.data,
            client_links=bool(self.client_links.data),
        )
