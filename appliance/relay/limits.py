"""How many connections at the same time: in all, and from one address.

Which address holds how many is counted without keeping any address, not even in memory: a keyed hash of it picks
two cells of a table (a count-min sketch, Cormode and Muthukrishnan 2005), and the smaller one is the answer. The key
is made anew for each generation of workers and never leaves memory.
"""

import hashlib
import mmap
import resource
import secrets
from pathlib import Path

# With 27,500 connections, two addresses share both of their cells by chance once in about 25 million.
CELLS = 65536
# What one connection may cost in memory, with TLS and the kernel's share, in bytes; half of the memory is for them.
BYTES_A_CONNECTION = 16 * 1024
# The reference's own limit (maxconn).
MOST_CONNECTIONS = 27_500
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
        digest = hashlib.blake2s(address.encode(), key=self._key, digest_size=4).digest()
        return int.from_bytes(digest[:2], "little"), CELLS + int.from_bytes(digest[2:], "little")

    def count(self, cells: tuple[int, int]) -> int:
        """How many connections the address behind these cells has, in all workers."""
        first, second = cells
        return min(sum(row[first] for row in self._rows), sum(row[second] for row in self._rows))

    def add(self, worker: int, cells: tuple[int, int], change: int) -> None:
        """Count one connection more (1) or less (-1) in this worker's row."""
        row = self._rows[worker]
        for cell in cells:
            row[cell] = min(65535, max(0, row[cell] + change))

    def clear(self, worker: int) -> None:
        """Forget what a worker counted that has died."""
        self._rows[worker][:] = memoryview(bytes(CELLS * 2 * 2)).cast("H")


def memory_total() -> int:
    """The memory of this device, in bytes."""
    for line in Path("/proc/meminfo").read_text("ascii").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/meminfo has no MemTotal")


def raise_descriptor_limit() -> int:
    """Ask the kernel for all the file descriptors that this process may have; how many that are."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def most_connections(wanted: int, memory: int, descriptors: int, workers: int) -> int:
    """How many connections the relay takes at the same time.

    Args:
        wanted: the setting; 0 chooses by memory.
        memory: of this device, in bytes.
        descriptors: that one worker may have; a connection needs two.
        workers: how many there are.
    """
    chosen = wanted or min(MOST_CONNECTIONS, memory // 2 // BYTES_A_CONNECTION)
    return max(1, min(chosen, workers * (descriptors - SPARE_DESCRIPTORS) // 2))
