"""A process that does the same small things for months keeps the memory that it has after its first minute.

Without this the lights, the relay's parent and the page each grew by a few MB within the first hours, though not by one
object: what Python keeps of freed objects for the next ones is strewn over ever more pages. A full collection lets go
of it. Once all that a process is made of is out of the collector's sight, such a collection takes well under a
millisecond on a Pi 3, and writes to no page that is shared with a child.
"""

import gc
from collections.abc import Callable

from appliance.clock import since_boot

# Seconds between two collections.
EVERY = 60.0


class Tidy:
    """Tidies up once a minute.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = since_boot) -> None:
        self._clock = clock
        self._due: float | None = None

    def turn(self) -> None:
        """Tidy up if it is time; the first call says that the process has started."""
        now = self._clock()
        if self._due is None:
            gc.collect()
            gc.freeze()
        elif now < self._due:
            return
        else:
            gc.collect()
        self._due = now + EVERY
