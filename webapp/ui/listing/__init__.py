"""Appointments over all days: the list, its export, and the two worklists."""
