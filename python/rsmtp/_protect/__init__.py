"""Messages that are signed and encrypted from end to end: the seam, and what fits in there."""
