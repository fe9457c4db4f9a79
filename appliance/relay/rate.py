"""``rate_limit``: so many bytes a second for the whole relay, shared fairly by its streams.

What counts is the sum of both directions. Whatever the relay passes on, one way or the other, comes in over the home's
line once and leaves over it once, so that this sum is exactly what it takes of the upload, the narrow part.

The streams share by max-min fairness: there is one level, in bytes a second, which no direction of a stream exceeds,
and which is as high as the limit allows. Whoever wants less than that is never held up. Each direction has a moment
until when it has spent its share (``due``); one that is ahead of its time is not read until then. One timer for each
worker, and only where there is a limit, lets them go on and finds the level; all workers write down in shared memory
what they need to find the same one.

It is the streams that share, and not the addresses, though so whoever opens many of them has many shares: behind one
address of a mobile provider there may be hundreds of people, who would have one share together.

The limit stands in that memory too, so that a new one holds for streams that began under another. Streams that began
under none cannot be held up; but the parent says how much they pass on, and the others make room for it.
"""

import mmap
from collections.abc import Callable
from typing import Any, cast

from gevent import get_hub

from appliance.clock import since_boot
from appliance.relay.common import Common, Counters
from appliance.relay.stream import DecryptingFlow, EncryptingFlow, Flow, Stream

# Seconds between two looks: how long a stream can be held up too long, and short beside a person's patience.
TICK = 0.05
# What a direction may spend at once after having been quiet, in bytes: several messages, one ordinary read.
BURST = 16 * 1024
# Seconds within which the past counts: for what the small streams take, and for making good what was too much.
MEMORY = 1.0
# Unused bytes are good for this many seconds, overspent ones are remembered for so many.
CREDIT, DEBT = 0.1, 2.0
# A worker that has written nothing for this many seconds has ended.
STALE = 1.0
# Over so many seconds the parent averages what unmetered streams pass on: their workers tell it once a second.
UNMETERED_OVER = 2.0
# When it has not looked for so many seconds, it begins anew: nobody knows when those bytes were passed on.
UNMETERED_UNKNOWN = 10.0
# The level where the limit was switched off while streams that are metered go on: nobody is ever ahead of it.
NO_LIMIT = float("inf")
# Workers of this generation and of former ones that still have streams; more than ever live at once.
ROWS = 64
# A row's cells: milliseconds since boot of its last writing; bytes passed on since the worker began; bytes a second of
# those streams that were not held up; directions that are.
STAMP, MOVED, SMALL, HELD = range(4)
WIDTH = 4


class Shares:
    """What the workers tell each other, in memory that outlives a generation: former ones count as well."""

    def __init__(self) -> None:
        # Two cells more, after the rows, are the parent's: the limit, and bytes a second of unmetered streams.
        cells = memoryview(mmap.mmap(-1, (ROWS * WIDTH + 2) * 8)).cast("Q")
        self.rows = tuple(cells[at * WIDTH : (at + 1) * WIDTH] for at in range(ROWS))
        self._parent = cells[ROWS * WIDTH :]
        self._next = 0
        # The parent's: what unmetered streams had passed on when it last looked, when that was, and how fast they are.
        self._relayed, self._noted, self._speed = 0, float("-inf"), 0.0

    @property
    def limit(self) -> int:
        """Bytes a second for the whole relay; 0 for no limit."""
        return self._parent[0]

    @limit.setter
    def limit(self, limit: int) -> None:
        self._parent[0] = limit

    @property
    def unmetered(self) -> int:
        """Bytes a second of the streams that nobody holds up."""
        return self._parent[1]

    def note_unmetered(self, relayed: int, now: float) -> None:
        """Tell how fast the streams are that began under no limit; for the parent only, once a second or oftener.

        Args:
            relayed: bytes that their generations have passed on so far; less than before when one is over.
            now: seconds since boot.
        """
        more, passed = relayed - self._relayed, now - self._noted
        self._relayed, self._noted = relayed, now
        if passed > UNMETERED_UNKNOWN:
            self._speed = 0.0
        elif passed > 0:
            self._speed += min(1.0, passed / UNMETERED_OVER) * (max(0, more) / passed - self._speed)
        self._parent[1] = int(self._speed)

    def take(self, workers: int) -> int:
        """The first of ``workers`` rows for a new generation; they follow each other, the last one by the first."""
        first, self._next = self._next, (self._next + workers) % ROWS
        return first


def level_of(limit: float, small: float, debt: float, held: int) -> float:
    """The most that one direction of a stream may take, in bytes a second.

    Args:
        limit: of the whole relay, in bytes a second.
        small: what is taken by those who want less than their share, in bytes a second.
        debt: what was passed on beyond the limit, in bytes; less than 0 if there is something left.
        held: how many directions want more than their share.
    """
    if not held:
        return limit
    # Never nothing: each of them stays alive, and TCP's own patience is not tried.
    return max(limit - small - debt / MEMORY, limit / 100) / held


class Meter:
    """What one worker knows of the rate.

    Args:
        shares: what the workers tell each other, and the limit.
        row: which of its rows belongs to this worker.
    """

    def __init__(self, shares: Shares, row: int) -> None:
        self._shares = shares
        self._rows = shares.rows
        self._own = shares.rows[row % ROWS]
        self._own[:] = memoryview(bytes(WIDTH * 8)).cast("Q")
        self._seen = [one[MOVED] for one in self._rows]
        self._held: list[Metered] = []
        self._debt = 0.0
        self._small = 0.0
        self._looked = self.now = since_boot()
        self._moved = 0
        self._greedy = 0
        self.tick = 0
        self.level = float(shares.limit) or NO_LIMIT
        self._timer: Any = get_hub().loop.timer(TICK, TICK)
        self._timer.start(self._look)

    def spend(self, flow: "Metered", count: int) -> None:
        """Note that a flow has passed on ``count`` bytes, and hold it if that is ahead of its time."""
        self._moved += count
        level, now = self.level, self.now
        if flow.tick != self.tick:
            flow.tick, flow.spent = self.tick, 0
        flow.spent += count
        flow.due = max(flow.due, now - max(BURST / level, 2 * TICK)) + count / level
        if flow.due > now and not flow.held and not flow.over:
            self._greedy += flow.spent
            self._held.append(flow)
            flow.hold()

    def _look(self) -> None:
        self.tick += 1
        self.now = since_boot()
        passed, self._looked = self.now - self._looked, self.now
        self._held = [flow for flow in self._held if not flow.over]
        self._write(max(passed, TICK / 2))
        former, self.level = self.level, self._find_level(passed, *self._read())
        for flow in self._held:
            # What was to be waited for at the former level: after a crowd has come, that one is nearly nothing.
            flow.due = self.now + (flow.due - self.now) * former / self.level
        released = [flow for flow in self._held if flow.due <= self.now]
        self._held = [flow for flow in self._held if flow.due > self.now]
        for flow in released:
            flow.release()

    def _find_level(self, passed: float, small: int, held: int, moved: int) -> float:
        limit, unmetered = self._shares.limit, self._shares.unmetered
        if not limit:
            self._debt = 0.0
            return NO_LIMIT
        self._debt += moved + (unmetered - limit) * passed
        self._debt = min(max(self._debt, -CREDIT * limit), DEBT * limit)
        return level_of(limit, small + unmetered, self._debt, held)

    def _write(self, passed: float) -> None:
        weight = min(1.0, passed / MEMORY)
        self._small += weight * (max(0, self._moved - self._greedy) / passed - self._small)
        own = self._own
        own[STAMP] = int(self.now * 1000)
        own[MOVED] += self._moved
        own[SMALL] = int(self._small)
        own[HELD] = len(self._held)
        self._moved = self._greedy = 0

    def _read(self) -> tuple[int, int, int]:
        """What all workers together say: small streams' bytes a second, how many are held, bytes since last time."""
        small, held, moved = 0, 0, 0
        fresh = int((self.now - STALE) * 1000)
        for number, row in enumerate(self._rows):
            if row[STAMP] < fresh:
                continue
            total = row[MOVED]
            # A row that begins anew counts from 0.
            moved += total - self._seen[number] if total >= self._seen[number] else total
            self._seen[number] = total
            small += row[SMALL]
            held += row[HELD]
        return small, held, moved


class Metered(Flow):
    """A direction of a stream whose bytes are counted against the limit."""

    __slots__ = ("due", "held", "spent", "tick")

    def __init__(self, stream: Stream, *ends: Any) -> None:
        super().__init__(stream, *ends)
        # Until when its share is spent, in seconds since boot.
        self.due = float("-inf")
        self.held = False
        # Bytes since the meter's last look, and which one that was.
        self.spent = 0
        self.tick = 0

    @property
    def over(self) -> bool:
        """Whether its stream has ended."""
        return self._reader is None

    def _readable(self) -> None:
        # Never more than one ordinary read: a large one would be many shares at once.
        self._large = False
        self._metered(super()._readable)

    def _writable(self) -> None:
        self._metered(super()._writable)
        if self.held and not self.over:
            # What was left over has gone, but its share is spent.
            self._reader.stop()

    def _metered(self, work: Callable[[], None]) -> None:
        common = cast(MeteredCommon, self._stream.common)
        before = common.row[self._cell]
        work()
        count = common.row[self._cell] - before
        if count:
            common.meter.spend(self, count)

    def hold(self) -> None:
        """Read no more until ``release``."""
        self.held = True
        self._reader.stop()

    def release(self) -> None:
        """Go on, unless something else is to be waited for."""
        self.held = False
        if not self._pending and not self.ended:
            self._reader.start(self._readable)


class MeteredDecrypting(Metered, DecryptingFlow):
    """The same from a person, out of TLS."""

    __slots__ = ()


class MeteredEncrypting(Metered, EncryptingFlow):
    """The same to a person, into TLS."""

    __slots__ = ()


class MeteredCommon(Common):
    """What all streams of a worker have in common where there is a limit; further argument: the meter."""

    __slots__ = ("meter",)

    kinds = ((Metered, Metered), (MeteredDecrypting, MeteredEncrypting))

    def __init__(self, row: Counters, closed: Callable[[Stream], None], memory: int, meter: Meter) -> None:
        super().__init__(row, None, closed, memory)
        self.meter = meter
