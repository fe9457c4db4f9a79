"""The router service: its rules, codecs and processes."""
