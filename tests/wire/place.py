"""A network of its own, so that both relays listen on the very same addresses and ports, and ports below 1024."""

import ctypes
import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

# sched.h; Python has os.setns only from 3.12 on.
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _current() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Place:
    """A network namespace with nothing but a loopback device; it is gone with the last process in it.

    Args:
        addresses: what its loopback device is called besides 127.0.0.1 and ::1.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        outside = _current()
        try:
            _check(_libc.unshare(CLONE_NEWNET))
            self._namespace = _current()
        finally:
            _check(_libc.setns(outside, CLONE_NEWNET))
            os.close(outside)
        commands = ["link set lo up"]
        commands += [f"address add {one} dev lo {'nodad' if ':' in one else ''}" for one in addresses]
        with self.inside():
            subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile, and processes that it starts, belong here, and stay here."""
        outside = _current()
        try:
            _check(_libc.setns(self._namespace, CLONE_NEWNET))
            yield
        finally:
            _check(_libc.setns(outside, CLONE_NEWNET))
            os.close(outside)

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._namespace)
