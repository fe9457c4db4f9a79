"""Updates: what is remembered over a restart, checking and installing a newer system, and judging it."""
