"""What the keys of a report's tables are called."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from webapp.models import Account, AppointmentType, StaffUser


@dataclass(frozen=True, slots=True)
class Names:
    """By key, in alphabetical order. Former people and types are among them; of accounts, those asked for."""

    staff: dict[int, str]
    types: dict[int, str]
    accounts: dict[int, str]


def load(session: Session, *, firm_id: int, accounts: Collection[int] = ()) -> Names:
    """One statement. An account of another firm has no name here."""

    def named(kind: str, key: Any, name: Any, *where: Any) -> sa.Select[Any]:
        return sa.select(sa.literal_column(f"'{kind}'", sa.String()), key, name).where(*where)

    found: dict[str, dict[int, str]] = {"staff": {}, "type": {}, "account": {}}
    statement = sa.union_all(
        named("staff", StaffUser.staff_user_id, StaffUser.name, StaffUser.firm_id == firm_id),
        named(
            "type",
            AppointmentType.appointment_type_id,
            AppointmentType.name,
            AppointmentType.firm_id == firm_id,
        ),
        named(
            "account",
            Account.account_id,
            Account.name,
            Account.firm_id == firm_id,
            Account.account_id.in_(accounts),
        ),
    )
    for kind, key, name in sorted(session.execute(statement), key=lambda row: (row[2].casefold(), row[1])):
        found[kind][key] = name
    return Names(found["staff"], found["type"], found["account"])
