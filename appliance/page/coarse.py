"""How exactly a neighbour may be told what the relay counted, by ``/metrics`` and ``/status.json``.

A relay may have one single user, and then an exact counter is a record of that person: each step is one connection at
one moment, the bytes between two looks are the size of what was just sent, and a sum of session times grows by the
very length of the one that has ended. Whoever also sees the lines of a suspect, or finds the history that a
Prometheus server keeps on its disk for months, can lay one beside the other. So three rules hold, whatever the counter:

- numbers are rounded down to whole tens, bytes to whole 10 MB: no step belongs to one connection;
- they stand still for a quarter of an hour, so that the steps have no moment either; so does the number of connections,
  rounded up, which somebody with ten of their own could else make tell when the next person comes;
- a histogram has its classes and no sum.

What somebody needs who looks after a relay is still there: how many in a day, which reasons, how slow. The exact
numbers exist only in the memory of the card.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.status.relay import RelayStatus
from appliance.status.words import rounded_up

# Events are told in whole tens: as coarse as the connections of this moment on the page.
EVENTS = 10
# Bytes: a photo or a voice message has less, so none of them can be seen alone.
BYTES = 10_000_000
# Seconds that the numbers stand still; seldom enough to hide the moment, often enough to draw a day.
STAND_STILL = 900.0

Counters = Mapping[str, Mapping[str, int]]
Reasons = Mapping[str, Mapping[str, Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class Measures:
    """What may be told.

    Args:
        counters: name, port, number.
        by_reason: name, port, reason, number.
        histograms: name, port, upper bound in seconds, how many took that long at most.
        connections: that are open, rounded up.
        quota_used: the part of the month's data that is used up, in whole hundredths; None when there is no limit.
    """

    counters: Counters
    by_reason: Reasons
    histograms: Reasons
    connections: int
    quota_used: float | None


def coarse(relay: RelayStatus) -> Measures:
    """Round everything down; a reason or a histogram of which nothing is left does not appear at all."""
    by_reason: dict[str, dict[str, dict[str, int]]] = {}
    histograms: dict[str, dict[str, dict[str, int]]] = {}
    for name, ports in relay.by_reason.items():
        for port, values in ports.items():
            if name.endswith("_seconds"):
                told = _at_most(values)
                table = histograms
            else:
                told = {of: _down(name, number) for of, number in values.items() if number >= EVENTS}
                table = by_reason
            if any(told.values()):
                table.setdefault(name, {})[port] = told
    quota = relay.quota
    return Measures(
        {name: {port: _down(name, number) for port, number in ports.items()} for name, ports in relay.counters.items()},
        by_reason,
        histograms,
        rounded_up(relay.connections),
        min(100, quota.used * 100 // quota.limit) / 100 if quota else None,
    )


def _down(name: str, number: int) -> int:
    step = BYTES if name.startswith("bytes_") else EVENTS
    return number // step * step


def _at_most(classes: Mapping[str, int]) -> dict[str, int]:
    """The classes of a histogram as Prometheus wants them: each with all the shorter ones in it, and then rounded."""
    found, number = {}, 0
    for bound, more in classes.items():
        number += more
        found[bound] = _down("", number)
    return found


@dataclass(slots=True)
class Standing:
    """The measures of a while ago."""

    _measures: Measures | None = None
    _until: float = float("-inf")

    def measures(self, relay: RelayStatus, now: float) -> Measures:
        """What may be told now.

        Args:
            relay: the relay's last word.
            now: seconds that never go back.
        """
        if self._measures is None or now >= self._until:
            self._measures = coarse(relay)
            self._until = now + STAND_STILL
        return self._measures
