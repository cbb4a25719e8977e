"""One import from its first line to its last, batch by batch; who runs it says how a batch is committed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.lifecycle.actors import Actor
from webapp.lifecycle.errors import Invalid
from webapp.lifecycle.importing import writing
from webapp.lifecycle.importing.facts import Facts, Interpreter
from webapp.lifecycle.importing.mapping import Columns
from webapp.lifecycle.importing.placing import Spread
from webapp.lifecycle.importing.reading import Line, Problem, Source
from webapp.lifecycle.importing.writing import Tally
from webapp.localtime import Local
from webapp.models import Firm

BATCH = 2000  # rows; one transaction each
TRIES = 5  # of a batch, when others import the same rows at the same time
Commit = Callable[[Callable[[], Tally]], Tally]


@dataclass(slots=True, kw_only=True)
class Import:
    """A file on its way into a firm. ``rows`` counts what was read so far."""

    session: Session
    source: Source
    columns: Columns
    interpreter: Interpreter
    actor: Actor
    now: datetime
    newest: int
    secret: str
    limit: int | None = None
    dry: bool = False
    rows: int = 0
    _seen: set[str] = field(default_factory=set)

    @classmethod
    def begin(
        cls,
        session: Session,
        *,
        firm: Firm,
        columns: Columns,
        source: Source,
        name: str,
        zone: ZoneInfo,
        by: str,
        secret: str,
        now: datetime,
        limit: int | None = None,
        dry: bool = False,
    ) -> "Import":
        """Bind the mapping to the file and look up what the firm has.

        Args:
            name: what histories call the file.
            by: whom histories name, as "Import by …".
            secret: the installation's key, by which the references of erased people are known.
            dry: the batches will be undone, so references must be remembered to find repetitions.

        Raises:
            Invalid: the mapping does not fit the file.
        """
        interpreter = Interpreter(
            columns=columns,
            places=columns.bind(source.header),
            staff=writing.staff_of(session, firm.firm_id),
            kinds=writing.kinds_of(session, firm.firm_id),
            zone=zone,
            spread=Spread(firm.working_hours, Local.named(firm.timezone)) if columns.spread else None,
            source=name,
            now=now,
        )
        return cls(
            session=session,
            source=source,
            columns=columns,
            interpreter=interpreter,
            actor=Actor.system(firm.firm_id, f"Import by {by}"),
            now=now,
            newest=writing.newest(session, firm.firm_id),
            secret=secret,
            limit=limit,
            dry=dry,
        )

    def batches(self, commit: Commit) -> Iterator[Tally]:
        """Read to the end of the file, or to the limit, and give the tally of each batch.

        ``commit`` runs a unit of work in a transaction of its own.
        """
        facts: list[Facts] = []
        problems: list[Problem] = []
        count = 0
        for item in self.source:
            if self.limit is not None and self.rows >= self.limit:
                break
            self.rows += 1
            count += 1
            self._sort_out(item, facts, problems)
            if count == BATCH:
                yield self._write(facts, problems, commit)
                facts, problems, count = [], [], 0
        if count:
            yield self._write(facts, problems, commit)

    def _sort_out(self, item: Line | Problem, facts: list[Facts], problems: list[Problem]) -> None:
        if isinstance(item, Problem):
            problems.append(item)
            return
        try:
            row = self.interpreter.facts(item)
        except Invalid as error:
            problems.append(Problem(item.number, error.sentence))
            return
        if self.dry and row.external_ref in self._seen:
            problems.append(writing.repeated(row))
            return
        if self.dry:
            self._seen.add(row.external_ref)
        facts.append(row)

    def _write(self, facts: list[Facts], problems: list[Problem], commit: Commit) -> Tally:
        for attempt in range(1, TRIES + 1):
            try:
                tally = commit(lambda: self._batch(facts))
                break
            except IntegrityError as error:
                if attempt == TRIES or not writing.came_second(error):
                    raise  # otherwise the rows of the one who was first are there now, and are left alone
        tally.problems += problems
        return tally

    def _batch(self, facts: list[Facts]) -> Tally:
        return writing.write(
            self.session,
            facts,
            actor=self.actor,
            now=self.now,
            newest=self.newest,
            overbook=self.columns.spread,
            secret=self.secret,
        )
