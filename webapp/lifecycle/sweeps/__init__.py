"""What happens by itself: no-shows, completions, expired requests, confirmations that ran out of time.

:func:`sweep` goes through one firm, :func:`sweep_all` through all of them. They commit by themselves, batch
by batch, and any number of them may run at once.
"""

from webapp.lifecycle.sweeps.report import Held, KindReport, Report
from webapp.lifecycle.sweeps.run import BATCH, sweep, sweep_all, write_down

__all__ = ["BATCH", "Held", "KindReport", "Report", "sweep", "sweep_all", "write_down"]
