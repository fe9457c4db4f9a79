"""How many workers there are when nobody has said it: as many as the work needs.

Each worker costs five megabytes of memory, used or not, and a second of a small board's start. One alone is enough for
what an ordinary home's connection can carry; another one joins when those that there are have much to do, and leaves
when there has been little for a while.
"""

from collections import deque
from collections.abc import Sequence

# Seconds between two looks.
EVERY = 1.0
# Another worker joins when those that there are were busy for this part of their time, on average of so many looks, or
# one of them for nearly all of it: whoever is with that one stays there, and the next ones need not come to it.
BUSY, BUSIEST = 0.5, 0.8
LOOKS = 3
# And at once when each of them has so many connections on average, or half of what its descriptors allow: a worker
# looks at all of its own now and then.
MANY = 1000
# One leaves when the others alone would have been busy for less than this part of their time, with less than half of
# those connections, for so many seconds.
CALM = 0.2
WHILE = 600.0


class Demand:
    """Tells how many workers are needed.

    Args:
        most: how many connections one worker has descriptors for.
    """

    def __init__(self, most: int) -> None:
        self._many = min(MANY, max(1, most // 2))
        self._looked = 0.0
        self._before: list[int] = []
        # In cores: all workers together, and the busiest one.
        self._loads: deque[tuple[float, float]] = deque(maxlen=LOOKS)
        self._calm_since = 0.0

    def turn(self, now: float, worked: Sequence[int], connections: int, workers: int) -> int:
        """How many workers there should be: as many as there are, one more, or one less.

        Args:
            now: seconds that never go back.
            worked: the processor's time that each of the workers has taken since it began, in milliseconds; 0 while it
                has said nothing.
            connections: how many are open.
            workers: how many there are.
        """
        elapsed = now - self._looked
        if elapsed < EVERY:
            return workers
        # What a worker took to start says nothing of people, and one that was replaced begins anew.
        pairs = zip(self._before, worked, strict=False)
        spent = [(after - before) / 1000 / elapsed for before, after in pairs if 0 < before <= after]
        self._looked, self._before = now, list(worked)
        self._loads.append((sum(spent), max(spent, default=0.0)))
        together, busiest = (sum(one) / LOOKS for one in zip(*self._loads, strict=True))
        first = not self._calm_since
        if first or sum(spent) >= CALM * (workers - 1) or connections >= self._many / 2 * (workers - 1):
            self._calm_since = now
        busy = together >= BUSY * workers or busiest >= BUSIEST
        if (busy and len(self._loads) == LOOKS) or connections >= self._many * workers:
            self._loads.clear()
            return workers + 1
        if now - self._calm_since >= WHILE:
            self._calm_since = now
            return workers - 1
        return workers
