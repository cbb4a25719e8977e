"""Faults on purpose: real processes are killed, raced, starved and misled, and nothing may be lost.

``python -m tests.faults --help`` runs it at length; ``test_*.py`` are the short form.
"""
