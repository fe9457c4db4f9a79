"""A card and everybody whom it can meet, on one cable: two network namespaces, and real packets between them.

The world's side has the addresses of the router, of a neighbour, and of strangers whose packets a router that forwards
ports would pass on as they are. A socket belongs to whoever made it (``fsuid``, credentials(7)), so that one thread
can be each of the card's users in turn.
"""

import contextlib
import ctypes
import ipaddress
import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Self, TypeVar

from appliance.network.home import Home
from tests.relay.running import wait_for

CARD, ROUTER, NEIGHBOUR, STRANGER = "192.168.77.50", "192.168.77.1", "192.168.77.2", "80.200.0.9"
# The same with IPv6; the home also has a prefix that the whole world can reach.
CARD6, ROUTER6, NEIGHBOUR6 = "fd77::50", "fd77::1", "fd77::2"
GLOBAL6, GLOBAL_NEIGHBOUR6, STRANGER6 = "2a01:4f8:77::50", "2a01:4f8:77::2", "2a00:1450::9"
# Some homes have public IPv4 addresses, and anybody next to them.
PUBLIC, NEXT_TO_IT = "80.1.2.20", "80.1.2.7"
# The card, for whoever is on it: loopback, what leads there (ip(7)), and its own addresses.
OWN = ("127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1", CARD, CARD6, GLOBAL6, PUBLIC)
# What the provider has delegated to that home is a /56: another cable of it, and the next home.
OTHER_CABLE6, NEXT_HOME6 = "2a01:4f8:77:ff::9", "2a01:4f8:77:100::9"
# Other homes and providers behind the same router: each range that is nobody's on the internet (RFC 1918, RFC 6598,
# RFC 3927, RFC 4193, RFC 4291, RFC 3879).
ELSEWHERE = ("10.9.9.9", "172.16.9.9", "172.31.255.254", "192.168.0.9", "100.64.9.9", "100.127.255.254", "169.254.9.9")
ELSEWHERE6 = ("fc00::9", "fd12:3456::9", "fec0::9")
# The same hidden in an address of IPv6: what translates it would go there (RFC 6052, RFC 3056). And a public one.
HIDDEN6 = ("64:ff9b::a09:909", "64:ff9b::c0a8:9", "64:ff9b::a9fe:909", "2002:a09:909::9")
TRANSLATED6 = "64:ff9b::50c8:9"
# A neighbour by the address that every cable has.
LINK6 = "fe80::9%eth0"
WORLD = (
    *(f"{one}/32" for one in ELSEWHERE),
    *(f"{one}/128" for one in (*ELSEWHERE6, *HIDDEN6, TRANSLATED6, OTHER_CABLE6, NEXT_HOME6)),
    f"{LINK6.partition('%')[0]}/64",
    *(f"{ROUTER}/24", f"{NEIGHBOUR}/24", f"{NEXT_TO_IT}/24", f"{STRANGER}/32"),
    *(f"{ROUTER6}/64", f"{NEIGHBOUR6}/64", f"{GLOBAL_NEIGHBOUR6}/64", f"{STRANGER6}/128"),
)
HOME = Home(
    tuple(ipaddress.ip_address(one) for one in (CARD, CARD6, GLOBAL6)),
    tuple(ipaddress.ip_network(one) for one in ("192.168.77.0/24", "fd77::/64", "2a01:4f8:77::/64")),
    tuple(ipaddress.ip_address(one) for one in (ROUTER, ROUTER6)),
)
CLONE_NEWNET = 0x40000000  # sched.h
# What a segment asks of those who carry it, if they care; the last two bits are ECN's (RFC 3168).
SERVICE = 0x13
# linux/in6.h
IPV6_CHECKSUM = 7
# asm-generic/socket.h
SO_ATTACH_FILTER = 26
LIBC = ctypes.CDLL(None, use_errno=True)
# Seconds after which nothing comes any more, on a cable that has no length: all that comes needs a millisecond.
ARRIVES = 0.5
# What must come is waited for longer: a busy machine may hold it up, and a connection's first segment comes again.
MUST_ARRIVE = 20.0
T = TypeVar("T")


def may_be(user: int) -> bool:
    """Whether this process can make sockets as another user; in a user namespace with one user it cannot."""
    return ThreadPoolExecutor(1).submit(_become, user).result()


def _become(user: int) -> bool:
    LIBC.setfsuid(user)
    # It tells only who one was before: an impossible user changes nothing.
    return int(LIBC.setfsuid(ctypes.c_uint(0xFFFFFFFF))) == user


class Lane:
    """The two networks; made by ``with``, taken away at its end."""

    def __init__(self) -> None:
        self.card, self.world = (f"porchlight-wall-{os.getpid()}-{name}" for name in ("card", "world"))
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def __enter__(self) -> Self:
        for name in (self.card, self.world):
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
            # Before the cable is there: no address has to wait for proof that nobody else has it.
            _run("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0")
            _run("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv4.ip_local_port_range=10240 65535")
            # As systemd sets it: whoever is no root may ping too.
            _run("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv4.ping_group_range=0 2147483647")
            self._threads[name] = ThreadPoolExecutor(1, initializer=_enter, initargs=(name,))
        _run("ip", "-n", self.card, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.world)
        for name, addresses in (
            (self.card, (f"{CARD}/24", f"{CARD6}/64", f"{GLOBAL6}/64", f"{PUBLIC}/24")),
            (self.world, WORLD),
        ):
            for address in addresses:
                _run("ip", "-n", name, "address", "add", address, "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
        for version, router in (("-4", ROUTER), ("-6", ROUTER6)):
            _run("ip", version, "-n", self.card, "route", "add", "default", "via", router)
        # Neighbours find each other by packets, and the first of those are lost while a cable is new.
        for source, target in (
            (STRANGER, CARD),
            (STRANGER6, GLOBAL6),
            (GLOBAL_NEIGHBOUR6, GLOBAL6),
            (NEIGHBOUR6, CARD6),
        ):
            wait_for(lambda s=source, t=target: self.comes_in(s, 1, t) == "open", f"{source} to reach {target}")  # type: ignore[misc]
        return self

    def __exit__(self, *_error: object) -> None:
        for thread in self._threads.values():
            thread.shutdown()
        for name in (self.card, self.world):
            _run("ip", "netns", "del", name)

    def rule(self, script: str) -> None:
        """Put rules in force on the card."""
        _run("ip", "netns", "exec", self.card, "nft", "-f", "-", stdin=script)

    def within(self, name: str, what: Callable[[], T], user: int = 0) -> T:
        """Do something in one of the two networks, as one of its users."""

        def do() -> T:
            assert _become(user)
            try:
                return what()
            finally:
                _become(0)

        return self._threads[name].submit(do).result()

    def comes_in(self, source: str, port: int, target: str = CARD) -> str:
        """What somebody meets who opens a TCP connection to the card; somebody listens there."""
        return self._meets(self.world, source, target, port, 0)

    def gets_out(self, user: int, target: str, port: int) -> str:
        """What one of the card's users meets who opens a TCP connection; somebody listens there."""
        return self._meets(self.card, "", target, port, user)

    def _meets(self, where: str, source: str, target: str, port: int, user: int) -> str:
        version = _family(target)
        with _listening(self, self._has(target), version, port):
            return self.within(where, lambda: _dial(version, source, target, port), user)

    def datagram_arrives(
        self, source: str, source_port: int, port: int, target: str = CARD, within: float = MUST_ARRIVE
    ) -> bool:
        """Whether a datagram reaches a socket on the card that waits for anybody's.

        Args:
            source: whose it is.
            source_port: the port of its sender.
            port: where it goes.
            target: the card, by one of its addresses.
            within: seconds; ``ARRIVES`` where none is expected.
        """
        return self._arrives(self.world, self.card, (source, source_port), (target, port), 0, within)

    def datagram_leaves(self, user: int, target: str, port: int, source_port: int = 0) -> bool:
        """Whether a datagram of one of the card's users reaches somebody."""
        # What may not leave is refused to its sender, so nobody waits for that.
        return self._arrives(self.card, self._has(target), ("", source_port), (target, port), user, MUST_ARRIVE)

    def _has(self, target: str) -> str:
        """Which of the two networks an address belongs to."""
        return self.card if target in OWN or target.startswith("127.") else self.world

    def _arrives(
        self, where: str, other: str, source: tuple[str, int], target: tuple[str, int], user: int, within: float
    ) -> bool:
        version = _family(target[0])

        def sent() -> bool:
            with socket.socket(version, socket.SOCK_DGRAM) as sending:
                sending.bind((source[0] or ("::" if version == socket.AF_INET6 else "0.0.0.0"), source[1]))
                try:
                    sending.sendto(b"here", _place(*target))
                except PermissionError:
                    # What the sender's own firewall refuses.
                    return False
            return True

        with self.within(other, lambda: socket.socket(version, socket.SOCK_DGRAM)) as waiting:
            waiting.bind(("::" if version == socket.AF_INET6 else "0.0.0.0", target[1]))
            return self.within(where, sent, user) and bool(select.select([waiting], [], [], within)[0])

    def ping_leaves(self, user: int, target: str, within: float = MUST_ARRIVE) -> bool:
        """Whether an echo request that one of the card's users makes by itself reaches somebody.

        Args:
            user: whose it is.
            target: whom it asks.
            within: seconds; ``ARRIVES`` where none is expected, of which the kernel says nothing with IPv6.
        """
        version = _family(target)
        six = version == socket.AF_INET6
        protocol, kind = (socket.IPPROTO_ICMPV6, 128) if six else (socket.IPPROTO_ICMP, 8)
        token = os.urandom(8)

        def sent() -> bool:
            with socket.socket(version, socket.SOCK_DGRAM, protocol) as asking:
                try:
                    asking.sendto(bytes((kind, 0, 0, 0, 0, 0, 0, 1)) + token, _place(target, 0))
                except PermissionError:
                    return False
            return True

        with self.within(self.world, lambda: socket.socket(version, socket.SOCK_RAW, protocol)) as waiting:
            return self.within(self.card, sent, user) and bool(
                _wait_for(waiting, lambda packet: token in packet, within)
            )

    def forget_neighbours(self) -> None:
        """Let the card's kernel ask anew who is on the cable."""
        _run("ip", "-n", self.card, "neigh", "flush", "all")

    def is_told_that_nobody_waits(self, source: str, source_port: int, port: int, target: str = CARD) -> bool:
        """Whether the card's kernel tells the sender of a datagram that nobody waits for it."""

        def told() -> bool:
            with socket.socket(_family(target), socket.SOCK_DGRAM) as asking:
                asking.bind((source, source_port))
                asking.connect((target, port))
                asking.settimeout(MUST_ARRIVE)
                asking.send(b"here")
                try:
                    asking.recv(1)
                except ConnectionRefusedError:
                    return True
                except TimeoutError:
                    return False
            return False

        return self.within(self.world, told)

    def answer_to(
        self,
        flags: int,
        source: str,
        port: int,
        target: str = CARD,
        *,
        listens: bool,
        deaf: bool = False,
        within: float = MUST_ARRIVE,
    ) -> bytes:
        """What comes back for one TCP segment of no connection: all that could tell two ports apart; empty for nothing.

        Args:
            flags: those of its header.
            source: whose it is.
            port: where it goes.
            target: the card, by one of its addresses.
            listens: whether somebody does at that port.
            deaf: whether that socket gets nothing, as a unit's ``IPAddressDeny=`` does it.
            within: seconds; ``ARRIVES`` where no answer is expected.
        """
        version = _family(target)
        listening = _listening(self, self.card, version, port, deaf=deaf) if listens else contextlib.nullcontext()
        with listening:
            return self.within(self.world, lambda: _exchange(version, source, target, port, flags, within))


@contextlib.contextmanager
def _listening(
    lane: Lane, name: str, version: socket.AddressFamily, port: int, *, deaf: bool = False
) -> Iterator[None]:
    def listen() -> socket.socket:
        made = socket.socket(version, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("::" if version == socket.AF_INET6 else "0.0.0.0", port))
        made.listen()
        if deaf:
            # socket(7): a program that lets no packet in, one instruction (BPF_RET | BPF_K, 0).
            program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
            made.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
        return made

    with lane.within(name, listen):
        yield


def _dial(version: socket.AddressFamily, source: str, target: str, port: int) -> str:
    with socket.socket(version, socket.SOCK_STREAM) as dialled:
        dialled.settimeout(MUST_ARRIVE)
        try:
            if source:
                dialled.bind((source, 0))
            dialled.connect(_place(target, port))
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silence"
        except OSError as error:
            return os.strerror(error.errno or 0)
        return "open"


def _exchange(version: socket.AddressFamily, source: str, target: str, port: int, flags: int, within: float) -> bytes:
    """One segment and its answer: without ports and checksum; of the packet its service, hops, number and flags."""
    own_port = 4000
    header = struct.pack("!HHIIBBHHH", own_port, port, 1000, 2000, 5 << 4, flags, 1024, 0, 0)
    with socket.socket(version, socket.SOCK_RAW, socket.IPPROTO_TCP) as sending:
        sending.bind((source, 0))
        if version == socket.AF_INET6:
            sending.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, 16)
            sending.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, SERVICE)
            for told in (socket.IPV6_RECVTCLASS, socket.IPV6_RECVHOPLIMIT):
                sending.setsockopt(socket.IPPROTO_IPV6, told, 1)
        else:
            # What the kernel takes over into its own resets, and a firewall's may not.
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, SERVICE)
            addresses = socket.inet_aton(source) + socket.inet_aton(target)
            words = struct.unpack("!16H", addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(header)) + header)
            total = sum(words)
            total = (total & 0xFFFF) + (total >> 16)
            checksum = ~(total + (total >> 16)) & 0xFFFF
            header = header[:16] + struct.pack("!H", checksum) + header[18:]
        sending.sendto(header, (target, 0))
        begins = 0 if version == socket.AF_INET6 else 20
        ends = struct.pack("!HH", port, own_port)
        packet = _wait_for(sending, lambda one: one[begins : begins + 4] == ends, within)
    if not packet:
        return b""
    return packet[1:2] + packet[4:9] + packet[24:36] if begins else packet[4:16] + packet[20:]


def _wait_for(waiting: socket.socket, is_it: Callable[[bytes], bool], within: float) -> bytes:
    """The first packet of the kind, and what the kernel tells beside it; empty when none comes."""
    until = time.monotonic() + within
    while (left := until - time.monotonic()) > 0 and select.select([waiting], [], [], left)[0]:
        packet, beside, _flags, _sender = waiting.recvmsg(2048, 256)
        if is_it(packet):
            return packet + b"".join(data for _level, _kind, data in beside)
    return b""


def _place(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """An address as a socket wants it: the kernel knows a cable by its number, each namespace by another one."""
    bare, _, cable = address.partition("%")
    return (bare, port, 0, socket.if_nametoindex(cable)) if cable else (bare, port)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _enter(name: str) -> None:
    with open(f"/run/netns/{name}") as handle:
        if LIBC.setns(handle.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns: {threading.current_thread().name}")


def _run(*command: str, stdin: str = "") -> None:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}\n{stdin}"
