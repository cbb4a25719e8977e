"""Skip for want of a tool on a desk; fail for want of it where the suite is the gate."""

import os
from typing import NoReturn

import pytest


def missing(what: str, requirement: str) -> NoReturn:
    """Skip with a plain sentence, or fail when the variable named ``requirement`` is 1."""
    if os.environ.get(requirement) == "1":
        pytest.fail(f"{what} ({requirement}=1 turns this into a failure)", pytrace=False)
    pytest.skip(what)
