"""The day board and the week."""
