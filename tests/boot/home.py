"""A home for the emulated board: a network of its own with a router, a neighbour and a stranger.

It is a network namespace, so nothing of this machine's own network is seen or touched. Everybody at home but the board
is one kernel with several addresses; a thread steps into the namespace to make a socket, and the socket stays there.
Beyond the router's outer side is a namespace more: from there nobody comes in unless the router lets them.
"""

import ctypes
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.home.household import DAEMON, OUTSIDE, SEEN, TRANSLATION

ROUTER = "192.168.77.1"
# A computer on the home network: the owner's.
NEIGHBOUR = "192.168.77.2"
# The board gets this address from the router.
BOARD = "192.168.77.50"
# Somebody far away; for the board, beyond the router. TEST-NET-3 (RFC 5737).
STRANGER = "203.0.113.9"
# WhatsApp's part is played by this address. It is not there at first.
UPSTREAM = "192.168.77.3"
# Where the names of Debian's time servers lead to; nobody answers there but tests/boot/time_server.py.
TIME_SERVER = "203.0.113.123"
TIME_SERVERS = "pool.ntp.org"
MAC = "b8:27:eb:70:6c:69"
# Named as the rules of tests/home/household.py have the router's inner side.
TAP = "lan0"
# What name servers say of the owner's domain: that it leads to this home.
DOMAIN = "example.org"
# And of WhatsApp's media servers, which the card is told by their name.
MEDIA_SERVERS = "media.example.net"

# sched.h and linux/in.h.
CLONE_NEWNET = 0x40000000
IP_FREEBIND = 15
LEASE = "12h"

LIBC = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


# A rule that miniupnpd has made.
DPORT = re.compile(r"\bdport (\d+)")


def _run(command: list[str], stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _ip(*words: str) -> None:
    _run(["ip", *words])


def step_in(name: str) -> None:
    """Bring this thread into a namespace, for as long as it lives: a namespace is a thread's own.

    Raises:
        OSError: there is no such namespace.
    """
    # os.setns came with Python 3.12.
    with open(f"/run/netns/{name}", "rb") as namespace:
        if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


class Home:
    """The network; made by ``with``, taken away at its end.

    Args:
        name: of the namespace.
        folder: for the router's log.
        names: further ones that its name server knows, with all below them, and where they lead to.
    """

    def __init__(self, name: str, folder: Path, names: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._folder = folder
        self._names = {DOMAIN: SEEN, TIME_SERVERS: TIME_SERVER, MEDIA_SERVERS: UPSTREAM, **(names or {})}
        self._router: subprocess.Popen[bytes] | None = None
        self._mapper: subprocess.Popen[bytes] | None = None

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
        if self._mapper:
            # It notices SIGTERM only when the next datagram comes, now and then.
            self._mapper.kill()
            self._mapper.wait()
        _ip("netns", "del", self._beyond)
        _ip("netns", "del", self.name)

    @property
    def _beyond(self) -> str:
        """The namespace of those whom only the router's outer side reaches."""
        return f"{self.name}-outside"

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
        return self._within(self.name, act)

    def _within(self, name: str, act: Callable[[], T]) -> T:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._step_in_and, name, act).result()

    def _step_in_and(self, name: str, act: Callable[[], T]) -> T:
        # This thread ends here.
        step_in(name)
        return act()

    def _furnish(self) -> None:
        _ip("-n", self.name, "link", "set", "lo", "up")
        _ip("-n", self.name, "tuntap", "add", "dev", TAP, "mode", "tap")
        _ip("-n", self.name, "link", "set", TAP, "up")
        for address in (ROUTER, NEIGHBOUR):
            self.add_address(address)
        for address in (STRANGER, TIME_SERVER):
            _ip("-n", self.name, "address", "add", f"{address}/32", "dev", "lo")
        self._lead_out()
        self._router = subprocess.Popen(
            self.command(
                "dnsmasq",
                "--conf-file=/dev/null",
                "--keep-in-foreground",
                "--user=root",
                "--bind-interfaces",
                f"--interface={TAP}",
                "--except-interface=lo",
                # A router without a way out: every other name is unknown.
                "--no-resolv",
                *(f"--address=/{name}/{address}" for name, address in self._names.items()),
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

    def _lead_out(self) -> None:
        """What makes it a router: another side, and rules about who comes in."""
        _ip("netns", "add", self._beyond)
        _ip("-n", self.name, "link", "add", "wan0", "type", "veth", "peer", "eth0", "netns", self._beyond)
        for name, device, address, other in (
            (self.name, "wan0", SEEN, OUTSIDE),
            (self._beyond, "eth0", OUTSIDE, SEEN),
        ):
            _ip("-n", name, "address", "add", f"{address}/32", "dev", device)
            _ip("-n", name, "link", "set", device, "up")
            _ip("-n", name, "route", "add", other, "dev", device)
        _run(self.command("sysctl", "-qw", "net.ipv4.ip_forward=1"))
        _run(self.command("nft", "-f", "-"), TRANSLATION.format(input="", forward="", prerouting="", postrouting=""))

    @contextmanager
    def unanswered_names(self) -> Iterator[None]:
        """For a while the router's name server answers nobody, and says nothing of it either."""
        assert self._router is not None
        self._router.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._router.send_signal(signal.SIGCONT)

    def offer_mappings(self) -> None:
        """Start what lets devices at home open ports: PCP, NAT-PMP and UPnP, as many routers do."""
        config = self._folder / "miniupnpd.conf"
        network = f"{ROUTER.rpartition('.')[0]}.0/24"
        config.write_text(DAEMON.format(pcp="yes", upnp="yes", no_ipv6="yes", secure="yes", network=network))
        options = ["-d", "-f", str(config), "-P", str(self._folder / "miniupnpd.pid")]
        with (self._folder / "miniupnpd.log").open("ab") as log:
            self._mapper = subprocess.Popen(self.command("miniupnpd", *options), stdout=log, stderr=log)

    def mapped(self) -> set[int]:
        """The ports for which the router lets people in."""
        rules = _run(self.command("nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd"))
        return {int(port) for port in DPORT.findall(rules)}

    def come_in(self, port: int, timeout: float = 60.0) -> socket.socket:
        """A connection from far away to the router's outer side."""
        return self._within(self._beyond, lambda: socket.create_connection((SEEN, port), timeout))

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

    def receive(self, address: str, port: int) -> socket.socket:
        """A socket for datagrams to an address."""

        def act() -> socket.socket:
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind((address, port))
            return receiver

        return self.inside(act)

    def connect(self, port: int, source: str = NEIGHBOUR, timeout: float = 60.0) -> socket.socket:
        """A connection to the board.

        Args:
            port: of the board.
            source: who connects.
            timeout: seconds, for this and for everything done with the socket later.
        """
        return self.inside(lambda: socket.create_connection((BOARD, port), timeout, (source, 0)))
