"""``./test audit``: which Python packages have known faults, by pip-audit."""
