"""Which column of a file means what, said once for the whole file and checked before a row is read."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.transitions import TABLE
from webapp.vocabulary import Action, CancelledBy, NoShowParty, Status

TARGETS: dict[str, str] = {
    "external_ref": "the row's reference in the other system; a second import knows it again",
    "client_name": "the client's name",
    "client_ref": "the client's reference in the other system",
    "client_email": "the client's e-mail address",
    "client_phone": "the client's phone number",
    "account": "the client organisation's name",
    "staff_email": "the staff user, by e-mail address",
    "type": "the appointment type, by name",
    "start": "date and time of the start, ISO 8601",
    "date": "the day, where the time stands in a column of its own",
    "time": "the time of day, such as 14:30",
    "duration": "minutes; without it, the type's",
    "status": "a status, or a word that --status-map translates",
    "no_show": "who did not come: client, staff or both",
    "booked_at": "when it was booked, ISO 8601",
    "occurred_at": "when it was cancelled or its outcome was known, ISO 8601",
    "location": "where",
    "notes": "notes",
    "reason": "the reason for the status",
}
CLIENT = ("client_name", "client_ref", "account")
NOT_BY_DEFAULT = frozenset({"external_ref", "client_ref"})


class Outcome(NamedTuple):
    """What a status word of the file stands for."""

    status: Status
    party: NoShowParty | None = None
    cancelled_by: CancelledBy | None = None

    @classmethod
    def parse(cls, text: str) -> "Outcome":
        """``completed``, ``no_show:client``, ``cancelled:staff``; the side is the client's unless named.

        Raises:
            Invalid: not a status that an import may give, or not a side.
        """
        word, _, side = text.strip().lower().partition(":")
        allowed = [status.value for status in Status if status in TABLE[Action.IMPORT].targets]
        if word not in allowed:
            raise Invalid(
                f"{text!r} is not a status to import; use one of {', '.join(allowed)}.", field="status"
            )
        try:
            match Status(word):
                case Status.NO_SHOW:
                    return cls(Status.NO_SHOW, party=NoShowParty(side or "client"))
                case Status.CANCELLED:
                    return cls(Status.CANCELLED, cancelled_by=CancelledBy(side or "client"))
        except ValueError:
            raise Invalid(
                f"{side!r} in {text!r} is not a side; use client, staff or both.", field="status"
            ) from None
        if side:
            raise Invalid(f"{text!r}: only no_show and cancelled have a side.", field="status")
        return cls(Status(word))


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The mapping as it was asked for: target to column name, target to fixed value, word to outcome."""

    names: Mapping[str, str]
    defaults: Mapping[str, str]
    outcomes: Mapping[str, Outcome]
    spread: bool = False

    @classmethod
    def parse(
        cls, maps: Iterable[str], defaults: Iterable[str], outcomes: Iterable[str], *, spread: bool = False
    ) -> "Columns":
        """Read ``target=column``, ``target=value`` and ``word=status[:side]`` pairs.

        Raises:
            Invalid: with every problem, one sentence after the other.
        """
        problems: list[str] = []
        names = pairs(maps, "--map", problems, known=TARGETS)
        fixed = pairs(defaults, "--default", problems, known=TARGETS)
        words: dict[str, Outcome] = {}
        for word, text in pairs(outcomes, "--status-map", problems).items():
            try:
                words[word.casefold()] = Outcome.parse(text)
            except Invalid as error:
                problems.append(error.sentence)
        problems += _missing(names, fixed, spread)
        if problems:
            raise Invalid("\n".join(problems))
        return cls(names=names, defaults=fixed, outcomes=words, spread=spread)

    def bind(self, header: list[str]) -> dict[str, int]:
        """Where each mapped target stands in a file with this header.

        Raises:
            Invalid: a column is not there, or its name stands there twice.
        """
        return places(self.names, header)


def places(names: Mapping[str, str], header: list[str]) -> dict[str, int]:
    """Where the column of each target stands in the header.

    Raises:
        Invalid: a column is not there, or its name stands there twice.
    """
    problems = []
    for column in names.values():
        if (times := header.count(column)) != 1:
            found = "is not in the file" if not times else f"stands in the file {times} times"
            problems.append(f"The column {column!r} {found}.")
    if problems:
        raise Invalid("\n".join([*problems, f"The file has the columns {', '.join(header)}."]))
    return {target: header.index(column) for target, column in names.items()}


def pairs(
    texts: Iterable[str], option: str, problems: list[str], *, known: Collection[str] = ()
) -> dict[str, str]:
    """``name=value`` texts as a dict; what is wrong with them is added to ``problems``.

    Args:
        known: the names there are; empty allows any.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, sign, value = (part.strip() for part in text.partition("="))
        if not (key and sign and value):
            problems.append(f"{option} {text!r}: write it as name=value.")
        elif known and key not in known:
            problems.append(f"{option} {text!r}: there is no {key!r}; there are {', '.join(known)}.")
        elif key in found:
            problems.append(f"{option} {text!r}: {key} is given twice.")
        else:
            found[key] = value
    return found


def _missing(names: Mapping[str, str], fixed: Mapping[str, str], spread: bool) -> list[str]:
    given = names.keys() | fixed.keys()
    problems = [
        f"{target} must come from a column: --map {target}=COLUMN."
        for target in sorted(NOT_BY_DEFAULT & fixed.keys())
    ]
    if "external_ref" not in given:
        problems.append("Map external_ref: without it a second import would add every row again.")
    if not given & set(CLIENT):
        problems.append("Map client_name, client_ref or account: every appointment is with somebody.")
    for target in ("staff_email", "type", "status"):
        if target not in given:
            problems.append(f"Map {target} to a column, or give every row one with --default {target}=….")
    return problems + _missing_time(given, spread)


def _missing_time(given: set[str], spread: bool) -> list[str]:
    if "start" in given and given & {"date", "time"}:
        return ["Map either start, or date and time."]
    if "start" in given:
        return ["--spread is for files without a time of day; start has one."] if spread else []
    if "date" not in given:
        return ["Map start, or date and time."]
    if "time" in given:
        return ["--spread is for files without a time of day; time is mapped."] if spread else []
    return [] if spread else ["Map time beside date, or lay rows out over the working day with --spread."]
