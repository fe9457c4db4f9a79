"""What the services say: plain lines on standard error, which the journal keeps in RAM."""

import logging


def log_to_stderr() -> None:
    """Send everything from ``info`` up to standard error; the journal adds the time and the service's name."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.INFO)
