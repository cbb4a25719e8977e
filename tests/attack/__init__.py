"""Attacks: what somebody hostile stores, sends, follows and guesses, and what must come of it."""
