"""The linters, run as tests."""
