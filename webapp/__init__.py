"""Daybook, the staff desk for meeting lifecycles. Importing this package loads nothing else."""
