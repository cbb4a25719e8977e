"""What happened to a firm's meetings: the figures of a period, and the appointments behind each number."""
