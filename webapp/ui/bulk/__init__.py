"""Steps taken on several appointments of a list at once."""
