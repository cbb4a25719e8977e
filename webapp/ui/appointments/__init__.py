"""The appointment page and its transitions: one URL each, GET gives the form, POST does it."""
