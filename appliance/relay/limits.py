"""How many connections at the same time: in all, from one address, and from one neighbourhood when there is a crowd.

Which address holds how many is counted without keeping any address, not even in memory: a keyed hash of it picks
two cells of a table (a count-min sketch, Cormode and Muthukrishnan 2005), and the smaller one is the answer. The key
is made anew at each start and never leaves memory. The hash is Python's own, which is keyed as well (SipHash, PEP 456);
it is equal in all workers, since they are forked from one process. The same is done with the address's prefix. A cell
counts connections that are open, so that nothing is left of one that has ended.

A generation of workers counts in a table of its own, and reads those of former ones that still have streams.
"""

import mmap
import resource
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

# With 27,500 connections, two addresses share both of their cells by chance once in about 25 million.
CELLS = 65536
MOST_IN_A_CELL = 65535
# What one subscriber or one rented machine can have for the asking: an IPv4 /24 is the smallest piece that is routed by
# itself, and providers give homes up to a /56 of IPv6 (RIPE-690). Bytes of an IPv6 address.
IPV6_PREFIX = 7
# The part of all connections that one prefix may hold, by how full the relay is: (more than this part of it, one part
# in so many). With half of the relay free nobody is in anybody's way. Behind the few addresses of a mobile provider are
# many people, so it is never less than what one address may have (max_connections_per_address, 1000), unless that would
# be more than the first of these parts: on a small relay one address could take all of it.
SHARES = ((7 / 8, 32), (3 / 4, 16), (1 / 2, 8))
LARGEST_SHARE = 8
# A household and its guests: with so few connections in all, it is no use to share.
SMALLEST = 16
# Two numbers in one: the prefix's cell above the address's, so that a stream remembers two numbers and not four.
ABOVE, BELOW = 32, 2**32 - 1
# What one connection with TLS costs in memory while it is idle, in bytes: of the worker's with the card's OpenSSL 3.5
# (docs/performance.md, by PSS; 18 KiB with OpenSSL 3.0), and of the kernel's for its two sockets (1,500 of them, by
# slab). A plain one costs 11 KiB in all.
OWN_BYTES, KERNELS_BYTES = 28 * 1024, 10 * 1024
BYTES_A_CONNECTION = OWN_BYTES + KERNELS_BYTES
# The part of the memory that idle connections may take. The other half is for the system, the page and the lights
# (about 200 MB), and for what is on its way in sockets and buffers. More than so many bytes are not kept for that: with
# 2 GB those are the system's, a quarter of the memory for slow readers (``common.py``), and 100 MB to spare.
PART_FOR_CONNECTIONS = 2
ENOUGH_FOR_THE_REST = 800 << 20
# The reference's own limit (maxconn).
MOST_CONNECTIONS = 27_500
CONTROL_GROUPS = Path("/sys/fs/cgroup")
# Descriptors for everything but connections.
SPARE_DESCRIPTORS = 100


class Crowd:
    """Connections by address, shared by all workers of one generation.

    Args:
        workers: how many processes count.
        former: of the generations that are not over; their key is taken over.
    """

    def __init__(self, workers: int, former: Sequence["Crowd"] = ()) -> None:
        self._key: bytes = former[-1]._key if former else secrets.token_bytes(16)
        width = CELLS * 2 * 2
        # One cell more, after the rows: whether the generation is over.
        cells = memoryview(mmap.mmap(-1, (workers * width + 1) * 2)).cast("H")
        self._own = [cells[row * width : (row + 1) * width] for row in range(workers)]
        self._over = cells[workers * width :]
        # Not the tables themselves: each of them knows its own predecessors.
        self._former = [(one._over, one._own) for one in former]
        self._rows = self._all_rows()

    def _all_rows(self) -> list["memoryview[int]"]:
        """The rows of this generation, and those of former ones."""
        return [*self._own, *(row for _over, rows in self._former for row in rows)]

    def end(self) -> None:
        """The generation is over, and those after it need not look here any more; for the parent only."""
        self._over[0] = 1

    def look(self) -> None:
        """Let go of the generations that are over."""
        if any([over[0] for over, _rows in self._former]):
            self._former = [(over, rows) for over, rows in self._former if not over[0]]
            self._rows = self._all_rows()

    def cells_of(self, address: str) -> tuple[int, int]:
        """The cells that an address and its prefix hash to: all that a connection remembers of it."""
        picked, prefix = hash((self._key, address)), hash((self._key, prefix_of(address)))
        return (
            (2 * CELLS + prefix % CELLS) << ABOVE | picked % CELLS,
            (3 * CELLS + prefix // CELLS % CELLS) << ABOVE | CELLS + picked // CELLS % CELLS,
        )

    def count(self, cells: tuple[int, int]) -> int:
        """How many connections the address behind these cells has, in all workers, also of former generations."""
        return self._least(cells[0] & BELOW, cells[1] & BELOW)

    def count_prefix(self, cells: tuple[int, int]) -> int:
        """How many connections the address's prefix has."""
        return self._least(cells[0] >> ABOVE, cells[1] >> ABOVE)

    def has_room(self, cells: tuple[int, int], for_address: int, opened: int, most: int) -> bool:
        """Whether the address behind these cells may have one connection more.

        Args:
            cells: of the address.
            for_address: how many one address may have.
            opened: how many connections there are.
            most: how many there may be.
        """
        if self.count(cells) >= for_address:
            return False
        share = share_of_prefix(opened, most, for_address)
        return share is None or self.count_prefix(cells) < share

    def _least(self, first: int, second: int) -> int:
        ones, others = 0, 0
        for row in self._rows:
            ones += row[first]
            others += row[second]
        return ones if ones < others else others

    def add(self, worker: int, cells: tuple[int, int], change: int) -> None:
        """Count one connection more (1) or less (-1) in this worker's row."""
        row = self._own[worker]
        for both in cells:
            for cell in (both & BELOW, both >> ABOVE):
                counted = row[cell] + change
                if 0 <= counted <= MOST_IN_A_CELL:
                    row[cell] = counted

    def clear(self, worker: int) -> None:
        """Forget what a worker counted that has died."""
        self._own[worker][:] = memoryview(bytes(CELLS * 2 * 2 * 2)).cast("H")


def prefix_of(address: str) -> bytes:
    """The part of an address that its neighbours share: /24 of IPv4, /56 of IPv6.

    Args:
        address: as the kernel or a PROXY header tells it; a zone such as ``%eth0`` is ignored.
    """
    if "." in address:
        # Also one that is written as IPv6 (RFC 4291, 2.5.5.2).
        return address.rpartition(":")[2].rpartition(".")[0].encode()
    try:
        return socket.inet_pton(socket.AF_INET6, address.partition("%")[0])[:IPV6_PREFIX]
    except OSError:
        return address.encode()


def share_of_prefix(opened: int, most: int, for_address: int) -> int | None:
    """How many connections one prefix may hold; None while there is room for everybody.

    What a prefix holds already it keeps. So whoever fills half of the relay from one place gets no further, and the
    other half is for everybody else.

    Args:
        opened: how many connections there are.
        most: how many there may be.
        for_address: how many one address may have; a prefix may have that too, up to an eighth of all. With more than
            any relay takes there are no shares: set so behind a router that hides everybody's address.
    """
    if for_address > MOST_CONNECTIONS:
        return None
    for fullness, part in SHARES:
        if opened > most * fullness:
            return max(min(for_address, max(SMALLEST, most // LARGEST_SHARE)), most // part)
    return None


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
        workers: how many there may be.
    """
    for_connections = max(memory // PART_FOR_CONNECTIONS, memory - ENOUGH_FOR_THE_REST)
    chosen = wanted or min(MOST_CONNECTIONS, for_connections // BYTES_A_CONNECTION)
    return max(1, min(chosen, workers * (descriptors - SPARE_DESCRIPTORS) // 2))
