"""The timeline of the firm."""
