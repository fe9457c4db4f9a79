"""How many workers there are when nobody has said it: as many as the work needs.

Each worker costs five megabytes of memory, used or not, and has to be started while a small board has other things to
do. So there is one at first; another one joins when those that there are have much to do, and leaves when there has
been little for a while.
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
        # Of each worker what it said last, and how much of a core it took until then.
        self._before: dict[int, tuple[int, int]] = {}
        self._parts: dict[int, float] = {}
        # In cores: all workers together, and the busiest one.
        self._loads: deque[tuple[float, float]] = deque(maxlen=LOOKS)
        self._calm_since = 0.0

    def turn(self, now: float, worked: Sequence[tuple[int, int]], connections: int, workers: int) -> int:
        """How many workers there should be: as many as there are, one more, or one less.

        Args:
            now: seconds that never go back.
            worked: of each worker the processor's time that it has taken since it began, and when it said so, in
                milliseconds; 0 while it has said nothing.
            connections: how many are open.
            workers: how many there are.
        """
        if now - self._looked < EVERY:
            return workers
        self._looked = now
        spent = [self._part(number, said) for number, said in enumerate(worked)]
        self._loads.append((sum(spent), max(spent)))
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

    def _part(self, number: int, said: tuple[int, int]) -> float:
        """How much of a core a worker has taken between the last two times that it spoke."""
        former = self._before.get(number, (0, 0))
        if said != former:
            (before, then), (after, since) = former, said
            # What a worker took to start says nothing of people, and one that was replaced begins anew.
            known = 0 < then < since and before <= after
            self._parts[number] = (after - before) / (since - then) if known else 0.0
            self._before[number] = said
        return self._parts.get(number, 0.0)
