"""What waits for a person because a sweep left it: what is held back, and suggested outcomes."""
