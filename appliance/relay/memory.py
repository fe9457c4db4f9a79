"""Whether there is memory for newcomers: of the device, and of what this process alone may have.

Who asks for memory when there is none left is not always told: Linux ends a process instead, and Python's part of
OpenSSL breaks down when it gets none for a handshake (CPython 3.11 and 3.13). So newcomers are refused before it comes
to that, and whoever is inside goes on.
"""

import os
import resource

# The part of the device's memory that newcomers leave to everything else, in so many parts.
PART_TO_SPARE = 32
# Of what this process may have (RLIMIT_DATA), in bytes: what its streams and a thousand handshakes under way ask for.
OWN_TO_SPARE = 8 << 20
# So many newcomers between two looks at what is its own, beside those of each beat: they can take some MiB together.
# To ask for the device's is dear, and nobody fills that between two beats.
LOOK_AFTER = 32


class Memory:
    """The memory of one process and of the device that it runs on.

    Args:
        total: the device's memory, or less where a control group allows less, in bytes.
    """

    def __init__(self, total: int) -> None:
        self._to_spare = total // PART_TO_SPARE
        self._page = resource.getpagesize()
        self._device = os.open("/proc/meminfo", os.O_RDONLY | os.O_CLOEXEC)
        self._own = os.open(f"/proc/{os.getpid()}/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._newcomers = 0
        self._device_short = self._own_short = False
        self._enough_for: int | None = None

    def look(self) -> None:
        """See how much there is."""
        self._device_short = available(os.pread(self._device, 256, 0)) < self._to_spare
        self._look_at_own()

    def _look_at_own(self) -> None:
        self._newcomers = 0
        limit, _ = resource.getrlimit(resource.RLIMIT_DATA)
        self._own_short = (
            limit != resource.RLIM_INFINITY and limit - data_of(os.pread(self._own, 256, 0)) * self._page < OWN_TO_SPARE
        )

    def has_room(self, opened: int) -> bool:
        """Whether there is enough for one more.

        What connections leave behind is often kept by this process, for the next ones. So there is room for as many as
        there were when it became short.

        Args:
            opened: how many connections there are.
        """
        self._newcomers += 1
        if self._newcomers >= LOOK_AFTER:
            self._look_at_own()
        if not (self._device_short or self._own_short):
            self._enough_for = None
            return True
        if self._enough_for is None:
            self._enough_for = opened
        return opened < self._enough_for


def available(meminfo: bytes) -> int:
    """The bytes that the device has without taking them from any process (proc_meminfo(5)).

    Args:
        meminfo: the file's first lines.
    """
    return int(meminfo.partition(b"MemAvailable:")[2].split(None, 1)[0]) * 1024


def data_of(statm: bytes) -> int:
    """The pages that count for RLIMIT_DATA, and the stack's (proc_pid_statm(5))."""
    return int(statm.split()[5])
