"""One run of everything on one engine, and its table."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.faults import checks, controls, kills, races, trouble
from tests.faults.grounds import Ground, small_disk
from tests.faults.stack import Stack

DISK = 256  # MB
MANY = 20  # kills that have a stack of their own, on a real disk


@dataclass(frozen=True)
class Sizes:
    """How often; 0 leaves it out. ``back`` is in how many seconds all must be ready after a kill."""

    kills: int
    rounds: int
    controls: int
    back: float
    seed: int = 1


@dataclass(frozen=True)
class Row:
    """A line of the table. ``faults`` is empty where all held."""

    engine: str
    what: str
    how: str
    found: str
    faults: tuple[str, ...] = ()


def run(ground: Ground, sizes: Sizes) -> Iterator[Row]:
    """Kills, races, trouble and controls."""
    if sizes.rounds:
        with ExitStack() as stack:
            disk = stack.enter_context(small_disk(ground.disk, DISK))
            subject = stack.enter_context(ground.stack(disk=disk, workers=2))
            yield from of_races(subject, sizes.rounds)
            yield from of_trouble(subject, disk)
            if sizes.kills <= MANY:
                yield from of_kills(subject, sizes)
    if sizes.kills > MANY or not sizes.rounds:
        with ground.stack() as subject:
            yield from of_kills(subject, sizes)
    for each in controls.of_guards(ground, sizes.controls) if sizes.controls else ():
        missed = () if each.enough else (f"without {each.guard} it found too little",)
        how, outcome = f"{each.rounds} rounds", f"found in {each.found}"
        yield Row(ground.name, f"without {each.guard}", how, outcome, missed)


def of_kills(stack: Stack, sizes: Sizes) -> Iterator[Row]:
    """``kill -9`` under load, then both commands that verify."""
    report = kills.rounds(stack, sizes.kills, most_back=sizes.back, seed=sizes.seed)
    ledger, post = report.ledger, stack.post
    how = ", ".join(f"{times} {name}" for name, times in sorted(report.kills.items()))
    back = max(report.back, key=lambda name: report.back[name], default="")
    outcome = (
        f"{ledger.acknowledged} changes acknowledged, {ledger.unanswered + ledger.put_off} repeated, "
        f"{len(post.mails)} mails and {len(post.heard.seen)} webhooks, {post.repeated} of them twice; "
        f"back after at most {report.slowest:.1f} s ({back})"
    )
    yield Row(stack.name, f"{sizes.kills} kills", how, outcome, (*report.faults, *checks.of_commands(stack)))


def of_races(stack: Stack, rounds: int) -> Iterator[Row]:
    """Races over HTTP, with two processes of the site and two workers."""
    for name, race in races.KINDS.items():
        found = race(stack, rounds)
        answers = ", ".join(f"{times} × {status}" for status, times in sorted(found.answers.items()))
        yield Row(stack.name, name, f"{found.rounds} rounds", answers, tuple(found.faults))
    doubled = ("something arrived twice",) if controls.repeats(stack) else ()
    yield Row(stack.name, "two workers, nobody killed", "under load", "everything came once", doubled)


def of_trouble(stack: Stack, disk: Path | None) -> Iterator[Row]:
    """Everything around the processes."""
    yield _row(stack, "database locked", "longer than anybody waits", trouble.locked(stack))
    if stack.cluster is not None:
        yield _row(stack, "database gone and back", "killed, started later", trouble.gone(stack))
    yield _row(stack, "bad receivers", "dead, hanging, endless, 20 MB answers", trouble.outside(stack))
    if disk is None:
        yield Row(stack.name, "disk full", "not run", "a small disk takes a mount, which takes root")
    else:
        yield _row(stack, "disk full", f"{DISK} MB, filled under load, freed", trouble.full(stack, disk))
    yield _row(stack, "clock jumps", "+1 h, -1 h, +1 day, -1 day", trouble.clocks(stack))


def _row(stack: Stack, what: str, how: str, faults: list[str]) -> Row:
    return Row(stack.name, what, how, "held" if not faults else "broken", tuple(faults))
