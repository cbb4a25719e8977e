"""What the domain refuses, as one tree. Every error carries a sentence for the person at the desk."""


class DomainError(Exception):
    """Base of all refusals. ``field`` names the input to correct, where there is one."""

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        self.sentence = sentence
        self.field = field
        super().__init__(sentence)


class Invalid(DomainError):
    """The facts given cannot be accepted; correcting them helps (422)."""


class Forbidden(DomainError):
    """The actor's role does not include this (403)."""


class Missing(DomainError):
    """There is no such thing in this firm (404)."""


class Unavailable(DomainError):
    """The database did not answer, or gave up; nothing of this unit of work was saved (503)."""


class Conflict(DomainError):
    """The appointment is not in a state that allows it (409)."""


class NotAllowed(Conflict):
    """The transition table has no such step from the present status, or it has not opened yet."""


class Stale(Conflict):
    """Somebody changed the appointment after the page was made; the sentence says who and when."""


class Overtaken(Stale):
    """A record without a version of its own was changed meanwhile; ``last`` is the number of that change."""

    def __init__(self, sentence: str, last: int) -> None:
        self.last = last
        super().__init__(sentence)


class SlotTaken(Conflict):
    """Another live appointment of this staff user holds the time."""


class LimitReached(Conflict):
    """A limit of the firm binds: a client may not go past it, staff only with a reason."""
