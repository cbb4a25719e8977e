"""The transition table, written by hand from the contract and read by nothing but tests.

``STEPS`` says where an action leads from a status (a dot: nowhere), ``WHO`` who may take it (a dot: nobody).
"""

from tests.factories import World
from webapp.lifecycle.actors import Actor
from webapp.vocabulary import Action, Status

STEPS = """
                     request    book       propose    approve    decline    expire     confirm
nothing              requested  confirmed  awaiting   .          .          .          .
requested            .          .          .          confirmed  cancelled  cancelled  .
awaiting             .          .          .          .          .          .          confirmed
confirmed            .          .          .          .          .          .          .
rescheduled          .          .          .          .          .          .          .
cancelled            .          .          .          .          .          .          .
completed            .          .          .          .          .          .          .
no_show              .          .          .          .          .          .          .

                     time_out   cancel     reschedule   complete   mark_no_show  correct
nothing              .          .          confirmed    .          .             .
requested            .          .          .            .          .             .
awaiting             cancelled  cancelled  .            .          .             .
confirmed            .          cancelled  rescheduled  completed  no_show       .
rescheduled          .          .          .            .          .             .
cancelled            .          .          .            .          .             .
completed            .          .          .            .          .             no_show
no_show              .          .          .            .          .             completed
"""

WHO = """
              viewer  staff  manager  owner  client  system
request       .       yes    yes      yes    yes     yes
book          .       yes    yes      yes    .       .
propose       .       yes    yes      yes    .       yes
approve       .       yes    yes      yes    .       .
decline       .       yes    yes      yes    .       .
expire        .       .      .        .      .       yes
confirm       .       yes    yes      yes    .       yes
time_out      .       .      .        .      .       yes
cancel        .       yes    yes      yes    yes     .
reschedule    .       yes    yes      yes    yes     .
complete      .       yes    yes      yes    .       yes
mark_no_show  .       yes    yes      yes    .       yes
correct       .       .      yes      yes    .       .
"""


def read(table: str) -> dict[tuple[str, str], str]:
    """``{(line, column): cell}`` of a table written out in text."""
    cells: dict[tuple[str, str], str] = {}
    for block in table.strip("\n").split("\n\n"):
        head, *lines = block.splitlines()
        for line in lines:
            name, *values = line.split()
            cells |= {(name, column): value for column, value in zip(head.split(), values, strict=True)}
    return cells


LEADS = read(STEPS)
MAY = read(WHO)


def leads(status: Status | None, action: Action) -> Status | None:
    """Where the table says that the action leads."""
    short = {None: "nothing", Status.AWAITING_CONFIRMATION: "awaiting"}.get(status, status)
    cell = LEADS[str(short), action]
    if cell == ".":
        return None
    return Status.AWAITING_CONFIRMATION if cell == "awaiting" else Status(cell)


def everybody(world: World) -> dict[str, Actor]:
    people = (world.viewer, world.staff, world.manager, world.owner)
    return {user.role.value: Actor.of_staff(user) for user in people} | {
        "client": world.client,
        "system": world.system,
    }
