"""Counting: a table of numbers in memory that the parent and all workers share.

Each worker writes only its own row, so no lock is needed; the parent adds the rows up. Only sums can stand here:
a row has no place for an address.
"""

import mmap
from collections.abc import Sequence

# Each worker's first cells: seconds since boot at its last sign of life (in milliseconds), connections open now,
# and how often a dial failed, which asks for a probe of the upstreams.
ALIVE, OPEN, SUSPECT = 0, 1, 2
FIXED_CELLS = 3

Label = tuple[str, str]

REFUSALS = ("full", "address-limit", "proxy-header", "tls", "foreign", "foreign-sni", "late", "descriptors")
UPSTREAM_ERRORS = ("unresolved", "refused", "timeout")


def layout(ports: Sequence[int]) -> tuple[Label, ...]:
    """The counters that there are: a name and one label for each."""
    return (
        *((name, str(port)) for name in ("connections", "bytes_from_people", "bytes_to_people") for port in ports),
        *(("refused", reason) for reason in REFUSALS),
        *(("upstream_errors", reason) for reason in UPSTREAM_ERRORS),
        ("browsers", "http"),
    )


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
        self.index = {label: number + FIXED_CELLS for number, label in enumerate(self.labels)}
        self._width = FIXED_CELLS + len(self.labels) + len(self.groups)
        self._memory = mmap.mmap(-1, self._width * workers * 8)
        cells = memoryview(self._memory).cast("Q")
        self.rows = tuple(cells[row * self._width : (row + 1) * self._width] for row in range(workers))

    def group_cell(self, group: str) -> int:
        """Where the state of an upstream group stands in the first worker's row."""
        return FIXED_CELLS + len(self.labels) + self.groups.index(group)

    def open_connections(self) -> int:
        """Connections open now, in all workers."""
        return sum(row[OPEN] for row in self.rows)

    def suspicions(self) -> int:
        """How many dials failed, in all workers."""
        return sum(row[SUSPECT] for row in self.rows)

    def totals(self) -> dict[str, dict[str, int]]:
        """All counters added up: by name, then by label."""
        found: dict[str, dict[str, int]] = {}
        for (name, label), cell in self.index.items():
            found.setdefault(name, {})[label] = sum(row[cell] for row in self.rows)
        return found
