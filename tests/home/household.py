"""A home and what lies beyond its router, each in a network namespace of its own.

::

    card 192.168.1.20 ─┐
                       ├─ lan0 192.168.1.1  router  wan0 ─── provider 80.200.0.1 ─── 80.200.0.9 outside
    neighbour .30 ─────┘

The router's outer address depends on the kind of home: 80.100.100.1 is a public one (and nobody's here), 100.64.0.2
belongs to a provider that lets homes share, 192.168.0.2 is behind another router, which is the provider's part then.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from tests.relay.running import wait_for

CARD, NEIGHBOUR, ROUTER = "192.168.1.20", "192.168.1.30", "192.168.1.1"
NETWORK = "192.168.1.0/24"
OUTSIDE, STUN_PORT = "80.200.0.9", 3478
# What everybody outside sees of the home.
SEEN = "80.100.100.1"
CLONE_NEWNET = 0x40000000  # sched.h
LIBC = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of home: the router's outer address, and the provider's beside it."""

    outer: str
    provider: str

    @property
    def shares(self) -> bool:
        """Whether the provider translates once more."""
        return self.outer != SEEN


PUBLIC = Kind(SEEN, "80.100.100.254")
CGNAT = Kind("100.64.0.2", "100.64.0.1")
DOUBLE_NAT = Kind("192.168.0.2", "192.168.0.1")

# What the router drops so that it speaks only one of the protocols: the version is the first byte of the datagram.
WITHOUT_PCP = "udp dport 5351 @th,64,8 2 drop"
WITHOUT_NATPMP = "udp dport 5351 @th,64,8 0 drop"

# Some routers let everybody outside appear under their own address.
MASQUERADING = "oifname lan0 ip saddr != 192.168.1.0/24 masquerade"

TRANSLATION = """
table inet filter {{
  chain input {{ type filter hook input priority 0; {input} }}
  chain forward {{
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname lan0 accept
    {forward}
    jump miniupnpd
  }}
  chain prerouting {{ type nat hook prerouting priority -100; {prerouting} jump prerouting_miniupnpd; }}
  chain postrouting {{
    type nat hook postrouting priority 100;
    jump postrouting_miniupnpd
    oifname wan0 masquerade
    {postrouting}
  }}
  chain miniupnpd {{ }}
  chain prerouting_miniupnpd {{ }}
  chain postrouting_miniupnpd {{ }}
}}
"""

SHARING = f"""
table inet nat {{
  chain postrouting {{
    type nat hook postrouting priority 100;
    oifname up0 snat ip to {SEEN}
  }}
}}
"""

DAEMON = """\
ext_ifname=wan0
listening_ip=lan0
port=0
ipv6_disable={no_ipv6}
enable_natpmp={pcp}
enable_upnp={upnp}
secure_mode={secure}
min_lifetime=120
max_lifetime=86400
notify_interval=900
system_uptime=no
uuid=00000000-0000-0000-0000-000000000000
allow 0-65535 {network} 0-65535
deny 0-65535 0.0.0.0/0 0-65535
"""


class Household:
    """The networks; made by ``with``, taken away at its end.

    Args:
        folder: for the router's files.
        kind: what lies beyond the router.
    """

    def __init__(self, folder: Path, kind: Kind = PUBLIC) -> None:
        self._folder = folder
        self.kind = kind
        self._rooms = ("card", "neighbour", "router", "provider", "outside")
        self._daemon: subprocess.Popen[bytes] | None = None
        self._programs: list[subprocess.Popen[bytes]] = []
        self._input: tuple[str, ...] = ()

    def room(self, name: str) -> str:
        """The name of a namespace."""
        return f"porchlight-home-{os.getpid()}-{name}"

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_daemon()
        for program in self._programs:
            if program.poll() is None:
                program.kill()
            program.wait()
        for name in self._rooms:
            subprocess.run(["ip", "netns", "del", self.room(name)], check=False, capture_output=True)

    def _build(self) -> None:
        for name in self._rooms:
            _run("ip", "netns", "add", self.room(name))
        card, neighbour, router, provider, outside = map(self.room, self._rooms)
        for name in self._rooms:
            self.ip(name, "link set lo up")
        self.ip("router", "link add lan0 type bridge forward_delay 0 mcast_snooping 0")
        for name, room in (("to-card", card), ("to-neighbour", neighbour)):
            self.ip("router", f"link add {name} type veth peer eth0 netns {room}")
            self.ip("router", f"link set {name} master lan0 up")
        self.ip(
            "router", f"link add wan0 type veth peer home0 netns {provider}", "link set wan0 up", "link set lan0 up"
        )
        self.ip("provider", f"link add up0 type veth peer eth0 netns {outside}", "link set home0 up", "link set up0 up")
        for name, address in (("card", CARD), ("neighbour", NEIGHBOUR)):
            self.ip(name, f"address add {address}/24 dev eth0", "link set eth0 up", f"route add default via {ROUTER}")
        self.ip("router", f"address add {ROUTER}/24 dev lan0", f"address add {self.kind.outer}/24 dev wan0")
        self.ip("router", f"route add default via {self.kind.provider}")
        self.ip("provider", f"address add {self.kind.provider}/24 dev home0", "address add 80.200.0.1/24 dev up0")
        self.ip("outside", f"address add {OUTSIDE}/24 dev eth0", "link set eth0 up", "route add default via 80.200.0.1")
        for room in (router, provider):
            _run(*_in(room), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        if self.kind.shares:
            self.ip("provider", f"address add {SEEN}/32 dev up0")
            self.nft("provider", SHARING)

    def ip(self, room: str, *commands: str) -> None:
        """Run ``ip`` in a namespace."""
        _run("ip", "-n", self.room(room), "-batch", "-", stdin="\n".join(commands))

    def nft(self, room: str, rules: str) -> str:
        """Load rules in a namespace, or list them."""
        return _run(*_in(self.room(room)), "nft", "-f", "-", stdin=rules)

    def rules(self) -> str:
        """The router's rules as the kernel has them."""
        return _run(*_in(self.room("router")), "nft", "list", "ruleset")

    # ---- the router

    def translate(
        self, *, forward: str = "", prerouting: str = "", postrouting: str = "", drop: Sequence[str] = ()
    ) -> None:
        """Make the router a router.

        Args:
            forward: what it lets in besides, as somebody set it by hand.
            prerouting: and where to.
            postrouting: what else it masquerades.
            drop: rules for what is sent to the router itself.
        """
        filled = TRANSLATION.format(
            input="; ".join(drop) + ";" if drop else "",
            forward=forward,
            prerouting=prerouting + ";" if prerouting else "",
            postrouting=postrouting,
        )
        self.nft("router", filled)

    def start_daemon(self, *, pcp: bool = True, upnp: bool = True, secure: bool = True, ipv6: bool = False) -> None:
        """Start miniupnpd, which answers PCP, NAT-PMP and UPnP.

        Args:
            pcp: whether it speaks PCP and NAT-PMP.
            upnp: whether it speaks UPnP.
            ipv6: whether it speaks IPv6 too.
            secure: whether nobody may change by UPnP what leads to another device.
        """
        words = {True: "yes", False: "no"}
        config = self._folder / "miniupnpd.conf"
        config.write_text(
            DAEMON.format(
                pcp=words[pcp], upnp=words[upnp], no_ipv6=words[not ipv6], secure=words[secure], network=NETWORK
            )
        )
        options = ["-d", "-f", str(config), "-P", str(self._folder / "miniupnpd.pid")]
        with (self._folder / "miniupnpd.log").open("ab") as log:
            self._daemon = subprocess.Popen([*_in(self.room("router")), "miniupnpd", *options], stdout=log, stderr=log)

        wait_for(lambda: self.inside("router", lambda: _listens(1900 if upnp else 5351)), "miniupnpd to listen")

    def stop_daemon(self) -> None:
        """Take the router's mapping service away; what it has mapped stays."""
        if self._daemon:
            # It notices SIGTERM only when the next datagram comes, now and then.
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def forget(self) -> None:
        """What a router does when it starts anew, and miniupnpd leaves to its kernel's start."""
        chains = ("miniupnpd", "prerouting_miniupnpd", "postrouting_miniupnpd")
        self.nft("router", "".join(f"flush chain inet filter {chain}\n" for chain in chains))

    # ---- the others

    def start(self, room: str, *command: str, log: str = "") -> subprocess.Popen[bytes]:
        """Start a program in a namespace; it is ended with the household."""
        with (self._folder / (log or "log")).open("ab") as file:
            program = subprocess.Popen([*_in(self.room(room)), *command], stdout=file, stderr=file)
        self._programs.append(program)
        return program

    def inside(self, room: str, act: Callable[[], T]) -> T:
        """Run something within a namespace; a socket that it makes stays there."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._step_in_and, room, act).result()

    def _step_in_and(self, room: str, act: Callable[[], T]) -> T:
        with open(f"/run/netns/{self.room(room)}", "rb") as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        return act()

    def connect(self, port: int, *, address: str = SEEN, room: str = "outside") -> socket.socket:
        """A connection to the home from outside."""
        return self.inside(room, lambda: socket.create_connection((address, port), 10))


def _listens(port: int) -> bool:
    """Whether somebody in this thread's namespace has bound a UDP port."""
    lines = Path("/proc/thread-self/net/udp").read_text().splitlines()
    return any(f":{port:04X}" in line.split()[1] for line in lines)


def _in(room: str) -> list[str]:
    return ["ip", "netns", "exec", room]


def _run(*command: str, stdin: str = "") -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}\n{stdin}")
    return done.stdout
