"""A relay, nginx, and the relay's upstream for somebody who scans them: at addresses and ports as on the Internet.

Scanners try first what belongs to a port's number, and name what they do not know by it, so the numbers have to be the
real ones. Whoever scans is far away, in a namespace of his own: those at home are led to the setup page.
"""

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.boot.home import Home

# TEST-NET-2 and TEST-NET-3 (RFC 5737).
RELAY, NGINX, UPSTREAM = "198.51.100.7", "198.51.100.8", "198.51.100.9"
SCANNER = "203.0.113.9"
# What a relay opens; 7777 is 587 once more.
CHAT, CHAT_TLS, PLAIN_CHAT, MEDIA = 80, 443, 5222, 587


class Road:
    """Two namespaces on one cable: the servers, and whoever scans them. Made by ``with``, taken away at its end.

    Args:
        folder: for files.

    Attributes:
        servers: where the servers run.
        scanner: where the scanner does.
    """

    def __init__(self, folder: Path) -> None:
        name = f"porchlight-road-{os.getpid()}"
        self.servers, self.scanner = Home(name, folder), Home(f"{name}-far", folder)

    def __enter__(self) -> Self:
        for one in (self.servers, self.scanner):
            subprocess.run(["ip", "netns", "add", one.name], check=True)
        try:
            self._furnish()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in (self.servers, self.scanner):
            subprocess.run(["ip", "netns", "del", one.name], check=True)

    def _furnish(self) -> None:
        servers, scanner = self.servers.name, self.scanner.name
        _ip(servers, "link", "add", "cable", "type", "veth", "peer", "cable", "netns", scanner)
        for name, addresses in ((servers, (RELAY, NGINX, UPSTREAM)), (scanner, (SCANNER,))):
            _ip(name, "link", "set", "lo", "up")
            for address in addresses:
                _ip(name, "address", "add", f"{address}/32", "dev", "cable")
            _ip(name, "link", "set", "cable", "up")
            _ip(name, "route", "add", "default", "dev", "cable")


def _ip(name: str, *words: str) -> None:
    subprocess.run(["ip", "-n", name, *words], check=True)
