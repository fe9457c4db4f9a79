"""A home for the emulated board: a network of its own with a router, a neighbour and a stranger.

It is a network namespace, so nothing of this machine's own network is seen or touched. Everybody but the board is
one kernel with several addresses; a thread steps into the namespace to make a socket, and the socket stays there.
"""

import ctypes
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

ROUTER = "192.168.77.1"
# A computer on the home network: the owner's.
NEIGHBOUR = "192.168.77.2"
# The board gets this address from the router.
BOARD = "192.168.77.50"
# Somebody far away; for the board, beyond the router. TEST-NET-3 (RFC 5737).
STRANGER = "203.0.113.9"
# WhatsApp's part is played by this address. It is not there at first.
UPSTREAM = "192.168.77.3"
MAC = "b8:27:eb:70:6c:69"
TAP = "board"

# sched.h and linux/in.h.
CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15
LEASE = "12h"

LIBC = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


class Home:
    """The network; made by ``with``, taken away at its end.

    Args:
        name: of the namespace.
        folder: for the router's log.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._router: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        _ip("netns", "add", self.name)
        try:
            self._furnish()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._router:
            self._router.terminate()
            self._router.wait()
        _ip("netns", "del", self.name)

    def command(self, *words: str) -> list[str]:
        """A command line that runs in the namespace."""
        return ["ip", "netns", "exec", self.name, *words]

    def add_address(self, address: str) -> None:
        """Somebody with this address comes home."""
        _ip("-n", self.name, "address", "add", f"{address}/24", "dev", TAP)

    def remove_address(self, address: str) -> None:
        """And leaves: from now on nobody answers there."""
        _ip("-n", self.name, "address", "del", f"{address}/24", "dev", TAP)

    def inside(self, act: Callable[[], T]) -> T:
        """Run something within the namespace; a socket that it makes stays there.

        Raises:
            Exception: whatever ``act`` raises.
        """
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._step_in_and, act).result()

    def _step_in_and(self, act: Callable[[], T]) -> T:
        # os.setns came with Python 3.12. A namespace is a thread's own, and this thread ends here.
        with open(f"/run/netns/{self.name}", "rb") as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        return act()

    def _furnish(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "tuntap", "add", "dev", TAP, "mode", "tap")
        _ip("-n", self.name, "link", "set", TAP, "up")
        for address in (ROUTER, NEIGHBOUR):
            self.add_address(address)
        _ip("-n", self.name, "address", "add", f"{STRANGER}/32", "dev", "lo")
        self._router = subprocess.Popen(
            self.command(
                "dnsmasq",
                "--conf-file=/dev/null",
                "--keep-in-foreground",
                "--user=root",
                "--bind-interfaces",
                f"--interface={TAP}",
                "--except-interface=lo",
                # A router without a way out: every name is unknown.
                "--no-resolv",
                "--no-hosts",
                "--pid-file=",
                f"--dhcp-leasefile={self._folder / 'leases'}",
                f"--dhcp-range={BOARD},{BOARD},{LEASE}",
                f"--dhcp-host={MAC},{BOARD}",
                f"--dhcp-option=option:router,{ROUTER}",
                "--dhcp-authoritative",
                "--no-ping",
                "--log-dhcp",
                f"--log-facility={self._folder / 'router.log'}",
            )
        )

    def listen(self, address: str, port: int) -> socket.socket:
        """A listening socket; the address need not be there yet."""

        def act() -> socket.socket:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            listener.bind((address, port))
            listener.listen(64)
            return listener

        return self.inside(act)

    def connect(self, port: int, source: str = NEIGHBOUR, timeout: float = 60.0) -> socket.socket:
        """A connection to the board.

        Args:
            port: of the board.
            source: who connects.
            timeout: seconds, for this and for everything done with the socket later.
        """
        return self.inside(lambda: socket.create_connection((BOARD, port), timeout, (source, 0)))
