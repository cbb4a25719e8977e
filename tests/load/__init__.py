"""Load on real processes: how fast with so many workers and threads, and whether memory grows within an hour.

``python -m tests.load --help`` runs it at length; ``test_*.py`` show that it finds what it looks for.
"""
