"""The account that somebody means who types its name into the filters of a report."""

import re
from typing import Any

from webapp.queries import clients
from webapp.queries.analytics import names
from webapp.ui.reports.forms import NO_ACCOUNT, account_label, number

OFFERED = 5
LABEL = re.compile(r".* \((\d+)\)")


def named(session: Any, *, firm_id: int, typed: str) -> int:
    """The key of the account whose name begins so, or is this exactly, or has this label. Two statements.

    Raises:
        ValueError: with a sentence: there is none, or there are several.
    """
    typed = typed.replace("\x00", "")
    found = clients.matching_account_ids(session, firm_id=firm_id, q=typed, limit=OFFERED + 1)
    known = names.load(session, firm_id=firm_id, accounts=found).accounts
    exact = [key for key, name in known.items() if name.casefold() == typed.casefold()]
    label = LABEL.fullmatch(typed)
    key = number(label[1]) if label else None
    if len(exact) == 1:
        return exact[0]
    if key is not None:
        return key
    if len(known) == 1:
        return next(iter(known))
    if not known:
        raise ValueError(NO_ACCOUNT)
    offered = [account_label(*pair) for pair in list(known.items())[:OFFERED]]
    more = ", and more" if len(known) > OFFERED else ""
    raise ValueError(f"Several accounts begin so: {', '.join(offered)}{more}. Enter one of them in full.")
