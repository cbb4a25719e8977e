"""Facts of attendance that other systems report."""
