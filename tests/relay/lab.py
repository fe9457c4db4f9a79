"""A network of its own with a name server that the test rules, for relays that look names up.

Everything is in one namespace: the name server (dnsmasq) on loopback, the relay, its upstreams and its clients. The
relay finds the name server in an ``/etc/resolv.conf`` that is mounted for its eyes only.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.boot.home import Home
from tests.relay.running import keep, wait_for

# The last part is reserved by RFC 2606: no name server of the machine could know it.
NAME = "chat.test"
PORT = 5222


class Lab:
    """The network; made by ``with``, taken away at its end.

    Args:
        folder: for the files of the name server.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"porchlight-relay-{os.getpid()}"
        self._home = Home(self.name, folder)
        self._names = folder / "names"
        self._resolv = folder / "resolv.conf"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        self._resolv.write_text("nameserver 127.0.0.1\n")
        self._names.touch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_names()
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    @property
    def program(self) -> Sequence[str]:
        """``porchlight relay`` within the network, before its options."""
        # "ip netns exec" gives the command mounts of its own.
        mounted = ["sh", "-ec", 'mount --bind "$0" /etc/resolv.conf; exec "$@"', str(self._resolv)]
        relay = [sys.executable, "-m", "appliance", "relay"]
        return ["ip", "netns", "exec", self.name, *mounted, *relay]

    def add_address(self, address: str) -> None:
        """Give this device one more address of its own."""
        subprocess.run(["ip", "-n", self.name, "address", "add", f"{address}/32", "dev", "lo"], check=True)

    def say(self, *addresses: str) -> None:
        """What the name server answers from now on."""
        self._names.write_text("".join(f"{address} {NAME}\n" for address in addresses))
        if self._server:
            self._server.send_signal(signal.SIGHUP)

    def start_names(self) -> None:
        """Start the name server."""
        options = ["--conf-file=/dev/null", "--keep-in-foreground", "--user=root", "--no-resolv", "--no-hosts"]
        options += ["--listen-address=127.0.0.1", "--bind-interfaces", "--pid-file=", "--local=/test/"]
        command = ["ip", "netns", "exec", self.name, "dnsmasq", *options, f"--addn-hosts={self._names}"]
        self._server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(lambda: self._home.inside(_is_answered), "the name server to listen")

    def stop_names(self) -> None:
        """Nobody answers any more."""
        if self._server:
            self._server.kill()
            self._server.wait()
            self._server = None

    def swallow_names(self) -> None:
        """Whatever is asked of a name server is lost on its way, until ``pass_names``."""
        rules = "table inet hole { chain input { type filter hook input priority 0; udp dport 53 drop; }; }"
        subprocess.run(["ip", "netns", "exec", self.name, "nft", "-f", "-"], input=rules.encode(), check=True)

    def pass_names(self) -> None:
        """Questions arrive again."""
        subprocess.run(["ip", "netns", "exec", self.name, "nft", "delete", "table", "inet", "hole"], check=True)

    def connect(self, port: int) -> socket.socket:
        """A client of the relay."""
        return self._home.inside(lambda: keep(socket.create_connection(("127.0.0.1", port), 20)))

    def listen(self, address: str) -> socket.socket:
        """An upstream at an address of loopback."""
        return self._home.inside(lambda: keep(socket.create_server((address, PORT), backlog=64)))

    def reaches(self, port: int, server: socket.socket, within: float = 1.0) -> bool:
        """Whether what a new client of the relay says arrives at an upstream.

        Args:
            port: the relay's.
            server: the upstream.
            within: seconds without anybody at the upstream; more where nobody asks again, and it has to arrive.
        """
        server.settimeout(within)
        with self._home.inside(lambda: socket.create_connection(("127.0.0.1", port), 5)) as client:
            client.settimeout(5)
            client.sendall(b"WA\x06\x03")
            with suppress(TimeoutError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(within)
                        # A probe says nothing.
                        if connection.recv(1):
                            return True
        return False


def _is_answered() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        return trial.connect_ex(("127.0.0.1", 53)) == 0
