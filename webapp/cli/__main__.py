"""``python -m webapp.cli`` is ``daybook``."""

from webapp.cli import main

main()
