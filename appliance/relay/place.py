"""A worker's place among the others: whether it takes newcomers, and where it accepts for those who do not."""

from collections.abc import Callable, Sequence
from functools import partial
from socket import socket

from appliance.relay.listener import Admit, Count, Listener, StandIn
from appliance.relay.ports import Port
from appliance.relay.sums import ACCEPTS, Sums

# A worker that leaves goes on accepting for so many seconds after it has said so: until then the first worker has seen
# it, which looks once a second, so that nobody waits at a socket between the two.
OVERLAP = 2.0


class Place:
    """Follows what the parent wants of a worker.

    Args:
        sums: the shared table, in which the worker's row says whether it takes newcomers.
        number: which of the workers this is.
        clock: seconds that never go back.
    """

    def __init__(self, sums: Sums, number: int, clock: Callable[[], float]) -> None:
        self._sums = sums
        self._number = number
        self._clock = clock
        self._listeners: list[Listener] = []
        self._stand_ins: list[StandIn] = []
        self._left = 0.0
        self._paused = self._retired = False

    def open(
        self,
        listening: Sequence[tuple[socket, Port]],
        others: Sequence[tuple[socket, Port, int]],
        admit: Admit,
        count: Count,
    ) -> None:
        """Accept, and say so.

        Args:
            listening: this worker's listening sockets.
            others: those of other workers, where it accepts while they do not, and whose they are.
            admit: as for ``Listener``.
            count: as for ``Listener``.
        """
        self._listeners = [Listener(one, port, admit, count) for one, port in listening]
        self._stand_ins = [
            StandIn(one, port, admit, count, partial(self._accepts, owner)) for one, port, owner in others
        ]
        self._sums.rows[self._number][ACCEPTS] = 1

    @property
    def is_leaving(self) -> bool:
        """Whether the worker is to end with its last stream; it may still be called back."""
        return self._retired or (self._paused and not self._sums.wants(self._number))

    @property
    def is_retired(self) -> bool:
        """Whether another generation takes who comes: nobody will call this worker back."""
        return self._retired

    def look(self) -> None:
        """Take newcomers or leave them to others, as the parent wants."""
        for one in self._stand_ins:
            one.look()
        wanted, said = self._sums.wants(self._number), self._accepts(self._number)
        if self._retired:
            return
        if wanted != said:
            self._sums.rows[self._number][ACCEPTS] = wanted
            self._left, self._paused = self._clock(), False
            for listener in self._listeners:
                listener.resume()
        elif not wanted and self._clock() - self._left >= OVERLAP:
            self._paused = True
            for listener in self._listeners:
                listener.pause()

    def retire(self) -> None:
        """Accept no more, for good."""
        self._retired = True
        self._sums.rows[self._number][ACCEPTS] = 0
        for listener in (*self._listeners, *self._stand_ins):
            listener.close()
        self._listeners, self._stand_ins = [], []

    def _accepts(self, number: int) -> bool:
        return bool(self._sums.rows[number][ACCEPTS])
