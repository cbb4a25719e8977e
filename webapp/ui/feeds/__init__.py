"""Calendar feeds, and an appointment as a calendar file."""
