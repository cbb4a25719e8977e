"""The page behind a client's personal link, and the link itself as staff hand it out and revoke it."""
