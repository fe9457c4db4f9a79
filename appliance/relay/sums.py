"""Counting: a table of numbers in memory that the parent and all workers share.

Each worker writes only its own row, so no lock is needed; the parent adds the rows up. Only sums can stand here:
a row has no place for an address, nor for anything about one connection alone. To count is to add one to one cell,
whose place is known beforehand; a time is counted in one of a few fixed classes, never kept itself.
"""

import mmap
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

from appliance.relay.rest import RESTS

# Each worker's first cells: seconds since boot at its last sign of life (in milliseconds), connections open now,
# how often a dial failed, which asks for a probe of the upstreams, whether it accepts newcomers (1), and how much of a
# core's time it has taken (in milliseconds).
ALIVE, OPEN, SUSPECT, ACCEPTS, WORKED = range(5)
FIXED_CELLS = 5

# Counted by port alone, and by port and reason. "browsers" are requests that got the ordinary page.
BY_PORT = ("connections", "bytes_from_people", "bytes_to_people", "browsers")
REFUSALS = (
    "full",
    "address-limit",
    "proxy-header",
    "tls",
    "foreign",
    "foreign-sni",
    "late",
    "descriptors",
    "memory",
    *RESTS[1:],
)
UPSTREAM_ERRORS = ("unresolved", "refused", "timeout")
# A handshake that never ended well: the peer began with something else, OpenSSL refused what came, the peer went
# away in the middle, it took too long, or this device has no certificate.
HANDSHAKE_FAILURES = ("not-tls", "protocol", "closed", "late", "no-certificate")
BY_REASON = {"refused": REFUSALS, "upstream_errors": UPSTREAM_ERRORS, "handshake_failures": HANDSHAKE_FAILURES}

# The upper bounds of the classes, in seconds; one more class takes what is longer than the last. A dial gives up
# after 4.5 s. Sessions are told apart by their order of size only: how long one person talked is nobody's business.
HISTOGRAMS = {
    "connect_seconds": (0.01, 0.03, 0.1, 0.3, 1.0, 3.0),
    "session_seconds": (1.0, 10.0, 60.0, 600.0, 3600.0, 21600.0),
}
LONGER = "+Inf"


class Label(NamedTuple):
    """What one cell counts.

    Args:
        name: of the counter.
        port: where it happened.
        of: the reason, the upper bound of the class in seconds, or nothing for a counter by port alone.
    """

    name: str
    port: int
    of: str


def layout(ports: Sequence[int]) -> tuple[Label, ...]:
    """The counters that there are; the classes of one histogram and port stand side by side, the shortest first."""
    return (
        *(Label(name, port, "") for name in BY_PORT for port in ports),
        *(Label(name, port, reason) for name, reasons in BY_REASON.items() for port in ports for reason in reasons),
        *(
            Label(name, port, bound)
            for name, bounds in HISTOGRAMS.items()
            for port in ports
            for bound in (*(f"{one:g}" for one in bounds), LONGER)
        ),
    )


def class_of(name: str, seconds: float) -> int:
    """Which class of a histogram a time belongs to, from 0."""
    return bisect_left(HISTOGRAMS[name], seconds)


class Sums:
    """The shared table of one generation of workers.

    Args:
        labels: the counters, from ``layout``.
        workers: how many rows.
        groups: names of the upstream groups, whose state the first worker keeps in its row.
    """

    def __init__(self, labels: Sequence[Label], workers: int, groups: Sequence[str]) -> None:
        self.labels = tuple(labels)
        self.groups = tuple(groups)
        self.index: Mapping[tuple[str, int, str], int] = {
            label: number + FIXED_CELLS for number, label in enumerate(self.labels)
        }
        # Where the shortest class of each histogram and port stands.
        self.first_class: Mapping[tuple[str, int], int] = {
            (name, port): self.index[name, port, f"{HISTOGRAMS[name][0]:g}"]
            for name, port in dict.fromkeys(
                (label.name, label.port) for label in self.labels if label.name in HISTOGRAMS
            )
        }
        # For each port, when somebody from outside last got through: whole minutes since boot, counted from 1, which
        # makes 0 nobody. It stands in each worker's row; the latest one holds.
        first = FIXED_CELLS + len(self.labels) + len(self.groups)
        ports = sorted({label.port for label in self.labels})
        self.reached_cells: Mapping[int, int] = {port: first + number for number, port in enumerate(ports)}
        self._width = first + len(ports)
        # The cells after the rows are the parent's: why the workers rest, other generations' connections, and for each
        # worker whether it is to take newcomers.
        self._memory = mmap.mmap(-1, (self._width * workers + 2 + workers) * 8)
        cells = memoryview(self._memory).cast("Q")
        self.rows = tuple(cells[row * self._width : (row + 1) * self._width] for row in range(workers))
        self._parent = cells[workers * self._width :]

    def resting(self) -> str:
        """Why the parent has told the workers to relay nothing (``rest.RESTS``); empty when they relay."""
        return RESTS[self._parent[0]]

    def rest(self, reason: str) -> None:
        """Tell the workers to end all streams and refuse newcomers, or to relay again; for the parent only."""
        self._parent[0] = RESTS.index(reason)

    def want(self, worker: int, wanted: bool) -> None:
        """Tell a worker to take newcomers, or to end with its last stream; for the parent only."""
        self._parent[2 + worker] = wanted

    def wants(self, worker: int) -> bool:
        """Whether the parent wants a worker to take newcomers."""
        return bool(self._parent[2 + worker])

    def reached(self) -> dict[int, int]:
        """When somebody from outside last got through, by port: seconds since boot, in whole minutes."""
        latest = {port: max(row[cell] for row in self.rows) for port, cell in self.reached_cells.items()}
        return {port: (minute - 1) * 60 for port, minute in latest.items() if minute}

    def group_cell(self, group: str) -> int:
        """Where the state of an upstream group stands in the first worker's row."""
        return FIXED_CELLS + len(self.labels) + self.groups.index(group)

    def living(self) -> int:
        """How many workers there are, of those that have said so; one at least."""
        return max(1, sum(bool(row[ALIVE]) for row in self.rows))

    def open_connections(self) -> int:
        """Connections open now, in all workers of this generation."""
        return sum([row[OPEN] for row in self.rows])

    def open_everywhere(self) -> int:
        """Those, and what other generations had when the parent last looked: what the limits are about."""
        return sum([row[OPEN] for row in self.rows], self._parent[1])

    def note_elsewhere(self, connections: int) -> None:
        """Tell the workers how many connections other generations have; for the parent only."""
        self._parent[1] = connections

    def forget(self, worker: int) -> None:
        """Take back what a worker held open that has ended; its counters stay."""
        row = self.rows[worker]
        row[:FIXED_CELLS] = type(row)(bytes(8 * FIXED_CELLS)).cast("Q")

    def suspicions(self) -> int:
        """How many dials failed, in all workers."""
        return sum(row[SUSPECT] for row in self.rows)

    def totals(self) -> dict[Label, int]:
        """All counters, each added up over the workers."""
        columns = zip(self.labels, *(row[FIXED_CELLS:] for row in self.rows), strict=False)
        return {label: sum(numbers) for label, *numbers in columns}


class PortCells(NamedTuple):
    """Where that is counted, in a worker's row, which happens to every connection of one port."""

    connections: int
    from_people: int
    to_people: int
    connect: int
    session: int

    @classmethod
    def of(cls, sums: Sums, port: int) -> Self:
        """The cells of a port; of histograms the first one."""
        names = ("connections", "bytes_from_people", "bytes_to_people")
        histograms = ("connect_seconds", "session_seconds")
        return cls(
            *(sums.index[name, port, ""] for name in names), *(sums.first_class[name, port] for name in histograms)
        )


def add(into: dict[Label, int], more: Mapping[Label, int]) -> None:
    """Add counters of one generation to those of the others."""
    for label, number in more.items():
        into[label] = into.get(label, 0) + number


def bytes_relayed(totals: Mapping[Label, int]) -> int:
    """The bytes that were relayed, both ways and all ports together."""
    return sum(number for label, number in totals.items() if label.name in ("bytes_from_people", "bytes_to_people"))


def by_port(totals: Mapping[Label, int]) -> dict[str, dict[str, int]]:
    """The counters by port alone, as the status carries them: name, then port."""
    found: dict[str, dict[str, int]] = {}
    for (name, port, of), number in totals.items():
        if not of:
            found.setdefault(name, {})[str(port)] = number
    return found


def by_reason(totals: Mapping[Label, int]) -> dict[str, dict[str, dict[str, int]]]:
    """The counters by reason and the histograms, as the status carries them: name, then port, then reason or bound.

    Reasons that never were are left out, and so is a histogram of a port where nothing happened yet: the status is
    written and read every second. The classes of a histogram are all there, or none.
    """
    found: dict[str, dict[str, dict[str, int]]] = {}
    for (name, port, of), number in totals.items():
        if of and (number or name in HISTOGRAMS):
            found.setdefault(name, {}).setdefault(str(port), {})[of] = number
    return {
        name: {port: values for port, values in ports.items() if any(values.values())} for name, ports in found.items()
    }
