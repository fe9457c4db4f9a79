"""Guessing, slowed down: five wrong codes or passwords a minute, all visitors together.

Visitors are not told apart: on a home network an address is cheap to change, and none is to be remembered.
"""

from collections import deque

MOST_FAILURES = 5
# Seconds.
WINDOW = 60.0


class Failures:
    """The last failures. An attempt counts as failed until it turns out well, so a hundred at once are no way round."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=MOST_FAILURES)

    def wait(self, now: float) -> float:
        """Seconds until the next attempt is allowed; 0 when it is allowed now.

        Args:
            now: seconds of a clock that never goes back.
        """
        if len(self._moments) < MOST_FAILURES:
            return 0.0
        return max(0.0, self._moments[0] + WINDOW - now)

    def attempt(self, now: float) -> None:
        """Count an attempt that begins."""
        self._moments.append(now)

    def succeeded(self) -> None:
        """The right code or password was given: its owner is here, and the past does not matter."""
        self._moments.clear()
