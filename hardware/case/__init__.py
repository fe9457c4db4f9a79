"""The printable case, and the pictures of it."""
