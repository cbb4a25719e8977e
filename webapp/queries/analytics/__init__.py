"""What happened to a firm's meetings: figures with their fractions, and the rows that they count."""
