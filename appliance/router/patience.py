"""How long to go on: a point in time, and somebody who may say stop before."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """What is left of the time for something.

    Args:
        until: when it is over, on ``time.monotonic()``'s clock.
        stop: whether somebody has said stop.
    """

    until: float
    stop: Callable[[], bool] = _never

    @classmethod
    def of(cls, seconds: float, stop: Callable[[], bool] = _never) -> "Patience":
        """That many seconds from now."""
        return cls(time.monotonic() + seconds, stop)

    def left(self) -> float:
        """Seconds that are left; 0 after a stop."""
        return 0.0 if self.stop() else max(0.0, self.until - time.monotonic())

    def at_most(self, seconds: float) -> "Patience":
        """The same, but no longer than that many seconds from now."""
        return Patience(min(self.until, time.monotonic() + seconds), self.stop)
