"""Updates: what is remembered over a restart, checking and installing a newer system, and judging it."""

# Bytes of a bundle that somebody brings: three times what one has now.
LARGEST_BUNDLE = 256 * 1024 * 1024
