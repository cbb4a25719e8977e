"""Only the list of where the fixtures live; each module says what it gives."""

from hypothesis import settings

pytest_plugins = [
    "tests.support.postgres",
    "tests.support.engines",
    "tests.support.web",
    "tests.support.browser",
]

# No deadline for one example: a busy machine is not a failure.
settings.register_profile("daybook", settings(deadline=None))
settings.load_profile("daybook")
