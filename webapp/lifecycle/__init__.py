"""The domain: what may happen to an appointment and what is written down when it does. Free of Flask."""
