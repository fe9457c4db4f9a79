"""A relay at home with people inside and outside: one namespace, in which everybody but the relay is only an address.

The home's network lies on one interface. Neighbours, the router and strangers are addresses that the kernel accepts
as its own (a local route, "AnyIP") without any interface having them, so that the relay does not take them for its own.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.boot.home import Home
from tests.relay.running import PATIENCE, keep

RELAY = "192.168.77.50"
NEIGHBOUR = "192.168.77.2"
ROUTER = "192.168.77.1"
# The relay may have a public address beside it, and somebody next to that.
PUBLIC, NEXT_TO_IT = "80.1.2.20", "80.1.2.7"
# TEST-NET-3 (RFC 5737).
STRANGER = "203.0.113.9"


class Street:
    """The network; made by ``with``, taken away at its end.

    Args:
        folder: for files.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"porchlight-street-{os.getpid()}"
        self.home = Home(self.name, folder)

    def __enter__(self) -> Self:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        try:
            self._ip("link", "set", "lo", "up")
            self._ip("link", "add", "cable", "type", "veth", "peer", "name", "wall")
            for one in ("cable", "wall"):
                self._ip("link", "set", one, "up")
            self._ip("address", "add", f"{RELAY}/24", "dev", "cable")
            self._ip("address", "add", f"{PUBLIC}/24", "dev", "cable")
            self._ip("route", "add", "default", "via", ROUTER, "dev", "cable")
            for one in (NEIGHBOUR, ROUTER, STRANGER, NEXT_TO_IT):
                self._ip("route", "add", "local", one, "dev", "lo")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", "-n", self.name, *words], check=True)

    @property
    def program(self) -> Sequence[str]:
        """``porchlight relay`` at home, before its options."""
        return self.home.command(sys.executable, "-m", "appliance", "relay")

    def connect(self, source: str, port: int, relay: str = RELAY) -> socket.socket:
        """Somebody connects to the relay, by one of its addresses."""
        return keep(self.home.inside(lambda: socket.create_connection((relay, port), PATIENCE, (source, 0))))
