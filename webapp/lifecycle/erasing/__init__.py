"""Where words of or about a person are kept, and how each is emptied. In the caller's transaction."""
