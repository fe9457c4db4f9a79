"""How many connections at the same time: in all, and from one address.

Which address holds how many is counted without keeping any address, not even in memory: a keyed hash of it picks
two cells of a table (a count-min sketch, Cormode and Muthukrishnan 2005), and the smaller one is the answer. The key
is made anew for each generation of workers and never leaves memory. The hash is Python's own, which is keyed as well
(SipHash, PEP 456); it is equal in all workers, since they are forked from one process.
"""

import mmap
import resource
import secrets
from contextlib import suppress
from pathlib import Path

# With 27,500 connections, two addresses share both of their cells by chance once in about 25 million.
CELLS = 65536
MOST_IN_A_CELL = 65535
# What one connection with TLS costs in memory while it is idle, in bytes: 18 KiB of the worker's, and 10 KiB of the
# kernel's for its two sockets (1,500 of them, by PSS and slab). A plain one costs 11 KiB.
BYTES_A_CONNECTION = 28 * 1024
# The part of the memory that idle connections may take, at the most. The other half is for the system, the page and the
# lights (about 200 MB), and for what is on its way in sockets and buffers.
PART_FOR_CONNECTIONS = 2
# The reference's own limit (maxconn).
MOST_CONNECTIONS = 27_500
CONTROL_GROUPS = Path("/sys/fs/cgroup")
# Descriptors for everything but connections.
SPARE_DESCRIPTORS = 100


class Crowd:
    """Connections by address, shared by all workers of one generation.

    Args:
        workers: how many processes count.
    """

    def __init__(self, workers: int) -> None:
        self._key = secrets.token_bytes(16)
        cells = memoryview(mmap.mmap(-1, workers * CELLS * 2 * 2)).cast("H")
        self._rows = [cells[row * CELLS * 2 : (row + 1) * CELLS * 2] for row in range(workers)]

    def cells_of(self, address: str) -> tuple[int, int]:
        """The two cells that an address hashes to: all that a connection remembers of it."""
        picked = hash((self._key, address))
        return picked % CELLS, CELLS + picked // CELLS % CELLS

    def count(self, cells: tuple[int, int]) -> int:
        """How many connections the address behind these cells has, in all workers."""
        first, second = cells
        ones, others = 0, 0
        for row in self._rows:
            ones += row[first]
            others += row[second]
        return ones if ones < others else others

    def add(self, worker: int, cells: tuple[int, int], change: int) -> None:
        """Count one connection more (1) or less (-1) in this worker's row."""
        row = self._rows[worker]
        for cell in cells:
            counted = row[cell] + change
            if 0 <= counted <= MOST_IN_A_CELL:
                row[cell] = counted

    def clear(self, worker: int) -> None:
        """Forget what a worker counted that has died."""
        self._rows[worker][:] = memoryview(bytes(CELLS * 2 * 2)).cast("H")


def memory_total() -> int:
    """The memory that there is for this process, in bytes: the device's, or less where a control group allows less."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemTotal:"):
            return min([int(line.split()[1]) * 1024, *memory_allowed(Path("/proc/self/cgroup"), CONTROL_GROUPS)])
    raise OSError("/proc/meminfo has no MemTotal")


def memory_allowed(own: Path, groups: Path) -> list[int]:
    """The limits of a control group and of those that it stands in (cgroups(7), version 2), in bytes.

    Args:
        own: the file that names the group.
        groups: where the groups are mounted.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    found = []
    for name in [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]:
        for group in (Path(name), *Path(name).parents):
            with suppress(OSError, ValueError):
                # "max" is no limit, and no number.
                found.append(int((groups / group / "memory.max").read_text()))
    return found


def raise_descriptor_limit() -> int:
    """Ask the kernel for all the file descriptors that this process may have; how many that are."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def most_connections(wanted: int, memory: int, descriptors: int, workers: int) -> int:
    """How many connections the relay takes at the same time.

    Args:
        wanted: the setting; 0 chooses by memory.
        memory: that there is, in bytes.
        descriptors: that one worker may have; a connection needs two.
        workers: how many there are.
    """
    chosen = wanted or min(MOST_CONNECTIONS, memory // PART_FOR_CONNECTIONS // BYTES_A_CONNECTION)
    return max(1, min(chosen, workers * (descriptors - SPARE_DESCRIPTORS) // 2))
