"""Half a handshake, from thousands of addresses that are nobody's: the kernel bears it, and people still get in.

Such a segment is made by hand, since a socket would go on and end the handshake. Relay and attacker are in networks of
their own, so that the answers leave by a cable, and are lost where the attacker's addresses lead.
"""

import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from appliance.relay.sockets import BACKLOG
from tests.abuse.siege import ANSWERED_WITHIN, few_or_many, memory_of, percentile, timed, told
from tests.firewall.lane import CARD, NEIGHBOUR, STRANGER, Lane
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, Upstream, free_ports, read_exactly, read_line, wait_for
from tests.relay.test_wire import HELLO

pytestmark = pytest.mark.namespaces

SYSCTL = Path(__file__).parents[2] / "image/files/usr/lib/sysctl.d/90-porchlight.conf"
# What of it has to do with connections that are not there yet; each network has its own.
ABOUT_THEM = ("net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_syncookies")
# The attacker's addresses are these 131,072, which are nobody's (RFC 2544): what is sent there goes to the router.
FIRST, COUNT = int.from_bytes(socket.inet_aton("198.18.0.0")), 1 << 17
SYN = 2
# Segments that are sent without a pause, and the pause in seconds: more would be lost on the way, where the kernel
# holds a thousand (netdev_max_backlog), and people's with them.
AT_ONCE, PAUSE = 100, 0.005
# How the kernel's table calls a connection whose handshake is not over (include/net/tcp_states.h).
HALF_OPEN = "03"
# Those who come meanwhile, at least.
PEOPLE = 20
# Bytes of a worker's memory that may come by themselves: what the limit counts for nine connections, of thousands.
BY_ITSELF = 256 << 10


class Attacker(threading.Thread):
    """Somebody who begins handshakes all the time, each from another address, and ends none.

    Args:
        lane: the attacker is on the world's side of it.
        port: of the card.
    """

    def __init__(self, lane: Lane, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        # A socket stays in the network in which it was made.
        self._socket = lane.within(lane.world, lambda: socket.socket(type=socket.SOCK_RAW, proto=socket.IPPROTO_RAW))
        self._enough = threading.Event()
        self.sent = 0

    def run(self) -> None:
        while not self._enough.wait(PAUSE):
            for number in range(self.sent, self.sent + AT_ONCE):
                self._socket.sendto(syn(number, self._port), (CARD, 0))
            self.sent += AT_ONCE

    def stop(self) -> None:
        self._enough.set()
        self.join()
        self._socket.close()


def syn(number: int, port: int) -> bytes:
    """The first segment of a handshake in its packet, from one of the attacker's addresses.

    Args:
        number: which one; in each round through all of them another port of theirs.
        port: of the card.
    """
    source, target = FIRST + number % COUNT, int.from_bytes(socket.inet_aton(CARD))
    # Ports, sequence number in two halves, nothing acknowledged, length of this header, window, checksum.
    segment = [1024 + number // COUNT, port, number >> 16, number & 0xFFFF, 0, 0, 5 << 12 | SYN, 1024, 0, 0]
    # RFC 9293 section 3.1: over addresses, protocol and length too.
    total = sum(segment) + (source >> 16) + (source & 0xFFFF) + (target >> 16) + (target & 0xFFFF)
    total += socket.IPPROTO_TCP + 20
    total = (total & 0xFFFF) + (total >> 16)
    segment[8] = ~(total + (total >> 16)) & 0xFFFF
    # Length, number and checksum of the packet are the kernel's to fill in (raw(7)).
    packet = struct.pack("!BBHHHBBHII", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    return packet + struct.pack("!10H", *segment)


@pytest.fixture
def lane() -> Iterator[Lane]:
    with Lane() as made:
        # A new network does as its machine: here what goes to the attacker's addresses is lost without a word.
        made.within(made.world, lambda: put("net.ipv4.ip_forward", "0"))
        for name, value in card_figures().items():
            made.within(made.card, partial(put, name, value))
        yield made


@pytest.fixture
def upstream(lane: Lane) -> Iterator[Upstream]:
    """On the card's own loopback."""
    found = lane.within(lane.card, lambda: Upstream(free_ports(40)[-1]))
    yield found
    found.stop()


@pytest.fixture
def relay(lane: Lane, start_relay: StartRelay) -> Relay:
    """A relay with the card's queue, for one worker."""
    inside = ["ip", "netns", "exec", lane.card]
    return start_relay(
        listen=[CARD], launch=lambda command, log: subprocess.Popen([*inside, *command], stdout=log, stderr=log)
    )


def put(name: str, value: str) -> None:
    """Set one of the kernel's figures for this thread's network."""
    # An ordinary user's network does not show somaxconn; the kernel's own figure is the card's.
    with suppress(FileNotFoundError):
        Path("/proc/sys", *name.split(".")).write_text(value)


def card_figures() -> dict[str, str]:
    """What the card sets of ``ABOUT_THEM``."""
    lines = SYSCTL.read_text().splitlines()
    every = dict(line.split(" = ") for line in lines if line and line[0] != "#")
    return {name: every[name] for name in ABOUT_THEM}


def half_open(lane: Lane, port: int) -> int:
    """How many handshakes with a port of the card are not over, as its kernel keeps them."""
    table = lane.within(lane.card, lambda: Path("/proc/thread-self/net/tcp").read_text())
    rows = [line.split()[1:4:2] for line in table.splitlines()[1:]]
    return sum(local.endswith(f":{port:04X}") and state == HALF_OPEN for local, state in rows)


def cookies(lane: Lane) -> int:
    """How many first segments the card's kernel has answered without keeping anything (tcp_syncookies)."""
    table = lane.within(lane.card, lambda: Path("/proc/thread-self/net/netstat").read_text())
    names, values = (line.split() for line in table.splitlines() if line.startswith("TcpExt:"))
    return int(dict(zip(names, values, strict=True))["SyncookiesSent"])


def visit(lane: Lane, relay: Relay, upstream: Upstream) -> None:
    """Come from elsewhere, and be relayed."""
    came = partial(socket.create_connection, (CARD, relay.chat), 10, (STRANGER, 0))
    with lane.within(lane.world, came) as client:
        client.sendall(HELLO)
        with upstream.next() as server:
            assert STRANGER.encode() in read_line(server)
            assert read_exactly(server, len(HELLO)) == HELLO


@few_or_many(3, 100)
def test_people_get_in_while_thousands_never_end_their_handshake(
    lane: Lane, relay: Relay, upstream: Upstream, size: int
) -> None:
    visit(lane, relay, upstream)
    wait_for(lambda: relay.status["connections"] == 0, "quiet")
    time.sleep(1.5)
    (worker,) = relay.workers()
    descriptors, memory, counted = relay.descriptors(), memory_of(worker, "VmData"), relay.status["counters"]
    attacker = Attacker(lane, relay.chat)
    attacker.start()
    try:
        wait_for(lambda: attacker.sent > 2 * BACKLOG, "twice as many as the queue holds")
        assert half_open(lane, relay.chat) >= BACKLOG
        # Nothing of it has come to the relay.
        assert relay.descriptors() == descriptors
        assert relay.status["counters"] == counted
        taken = memory_of(worker, "VmData") - memory
        took: list[float] = []
        while len(took) < PEOPLE or attacker.sent < size * BACKLOG:
            took.append(timed(lambda: visit(lane, relay, upstream)))
        kept, answered = half_open(lane, relay.chat), cookies(lane)
    finally:
        attacker.stop()
    told(
        f"Half a handshake, {size} times as many as the queue holds",
        begun=attacker.sent,
        kept=kept,
        answered_with_a_cookie=answered,
        people=len(took),
        relayed_within=max(took),
        for_99_of_100=percentile(took),
        kB_more_of_memory=taken / 1e3,
    )
    # Some are lost on the way.
    assert answered > size * BACKLOG // 2
    assert percentile(took) < ANSWERED_WITHIN
    assert taken < BY_ITSELF
    wait_for(lambda: relay.status["connections"] == 0, "people to be gone")
    wait_for(lambda: relay.descriptors() <= descriptors, "their descriptors", limit=10)
    assert memory_of(worker, "VmData") - memory < BY_ITSELF


@pytest.mark.slow
@pytest.mark.alone
def test_without_cookies_nobody_would_get_in(lane: Lane, relay: Relay) -> None:
    lane.within(lane.card, lambda: put("net.ipv4.tcp_syncookies", "0"))
    attacker = Attacker(lane, relay.chat)
    attacker.start()
    try:
        wait_for(lambda: attacker.sent > 2 * BACKLOG, "twice as many as the queue holds")
        # Somebody of whom the kernel has never heard; whom it knows it may prefer.
        came = partial(socket.create_connection, (CARD, relay.chat), ANSWERED_WITHIN, (NEIGHBOUR, 0))
        with pytest.raises(TimeoutError):
            lane.within(lane.world, came)
    finally:
        attacker.stop()
