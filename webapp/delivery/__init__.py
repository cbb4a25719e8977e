"""What leaves the house: mail and calendar files, written from the outbox, sent outside transactions."""
