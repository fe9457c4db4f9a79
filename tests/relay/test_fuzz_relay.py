"""Bad input over real connections to a real relay that can be looked into, while other streams run.

After each kind of it nothing is left: no descriptor, no greenlet, no watcher, none of the objects that hold a buffer,
no growth of memory; the log is silent; and the streams that ran meanwhile have lost no byte.
"""

import os
import random
import resource
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.relay.proxy_header import Ends, build
from appliance.relay.stream import RESET_ON_CLOSE
from tests.relay.glass import METERED, STREAMS, look, through_glass
from tests.relay.mutation import mutations, pieces
from tests.relay.running import (
    PATIENCE,
    Relay,
    Steady,
    Stopwatch,
    Upstream,
    close_kept,
    free_ports,
    keep,
    read_exactly,
    read_line,
    wait_for,
)
from tests.relay.test_fuzz_rules import GREETINGS, HEADERS, REQUESTS, VERSIONS, first_flight
from tests.relay.test_wire import HELLO, any_certificate, tls_connect

HEADER = build("v1", Ends("203.0.113.7", "198.51.100.1", 50000, 443))
# What the relay's memory may have grown by, in bytes: the allocator gives back only what lies at its end.
GROWTH = 16 << 20
# One of the app's own servers.
MEDIA_NAME = "media-ams2-1.cdn.whatsapp.net"
# All in one process: each would start a relay of its own.
pytestmark = pytest.mark.xdist_group("fuzz")


def swallow(connection: socket.socket) -> None:
    """What the upstream does with the attackers' streams that get through."""
    with connection:
        while connection.recv(1 << 16):
            pass


def stall(connection: socket.socket) -> None:
    """An upstream that does not read, and then goes away."""
    with connection:
        time.sleep(0.2)


@contextmanager
def answering(upstream: Upstream, how: Callable[[socket.socket], object]) -> Iterator[None]:
    """Let the upstream do something with each new stream by itself."""
    upstream.greet = how
    try:
        yield
    finally:
        # Those that have come and are not accepted yet would be taken for streams of whoever asks next.
        upstream.settle()
        del upstream.greet


class Besieged:
    """A relay with its running streams, and the attacker's end."""

    def __init__(self, relay: Relay, upstream: Upstream, window: Path) -> None:
        self.relay = relay
        self.upstream = upstream
        self._window = window
        self._addresses = 0
        self.steady: list[Steady] = []
        # What gets through on the media ports, also where only the app's own servers may be asked for.
        self.media_hello = first_flight(VERSIONS[1], MEDIA_NAME)
        for port in (relay.chat, relay.tls, relay.media):
            hello = self.media_hello if port == relay.media else HELLO
            client = tls_connect(port, hello) if port == relay.tls else relay.connect(port, hello)
            server = upstream.next()
            if port != relay.media:
                read_line(server)
            assert read_exactly(server, len(hello)) == hello
            self.steady.append(Steady(client, server))
        for one in self.steady:
            one.start()
        # The first of each kind loads what all later ones use.
        with answering(upstream, swallow):
            for port in (relay.chat, relay.tls, relay.media, relay.balancer):
                self.attack(port, [b"\x16\x03\x01 nothing"], reset=True)
            tls_connect(relay.tls).close()
            wait_for(self._at_rest, "the first ones to be gone")
        self.before: dict[str, int] = wait_for(self._at_rest, "the others to be gone")
        self.memory = self._resident()

    def _resident(self) -> int:
        (worker,) = self.relay.workers()
        return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * resource.getpagesize()

    def look(self) -> dict[str, int]:
        """What the relay holds; for some moments in a minute, also what looks at the upstreams."""
        return look(self._window)

    def _at_rest(self) -> dict[str, int]:
        found = self.look()
        # What looks at the upstreams is a greenlet while it does.
        busy = [name for name in ("Opening", "Greenlet", "greenlet") if found.get(name)]
        return found if found.get("Stream") == len(self.steady) and not busy else {}

    def check(self, *, first: bool = False) -> None:
        """That nothing is left, and that everybody else is well.

        Args:
            first: whether this was the first of its kind, after which the allocator may keep what it took for it.
        """
        found: dict[str, int] = {}

        def settled() -> bool:
            nonlocal found
            found = self.look()
            return found == self.before

        with suppress(AssertionError):
            wait_for(settled, "the relay to hold what it held before", limit=15)
        assert found == self.before
        if first:
            self.memory = max(self.memory, self._resident())
        assert self._resident() - self.memory < GROWTH
        for one in self.steady:
            one.check()
        assert "mistake in porchlight" not in self.relay.log
        assert "Traceback" not in self.relay.log

    def connect(self, port: int) -> socket.socket:
        """From many addresses of loopback in turn: one has not enough ports for so many connections."""
        self._addresses = (self._addresses + 1) % 60_000
        connection = socket.socket()
        connection.settimeout(PATIENCE)
        connection.bind((f"127.9.{self._addresses // 250}.{1 + self._addresses % 250}", 0))
        connection.connect(("127.0.0.1", port))
        return connection

    def attack(self, port: int, data: list[bytes], *, reset: bool) -> None:
        """One connection that says something, and is gone."""
        with self.connect(port) as connection:
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            # The relay may have refused it already.
            with suppress(ConnectionError):
                for piece in data:
                    connection.sendall(piece)

    def stop(self) -> None:
        for one in self.steady:
            one.stop()


@contextmanager
def siege(tmp_path: Path, certificate_file: Path, **settings: object) -> Iterator[Besieged]:
    """A relay with these settings, under siege."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    upstream = Upstream(free_ports(60)[-1])
    relay = Relay(tmp_path / "relay", upstream, max_connections_per_address=100_000, **settings)
    relay.launch = through_glass(tmp_path / "window")
    (relay.folder / "state/relay").mkdir(parents=True)
    shutil.copy(certificate_file, relay.folder / "state/relay")
    try:
        relay.start()
        found = Besieged(relay, upstream, tmp_path / "window")
        yield found
        found.stop()
        assert "Traceback" not in relay.log
    finally:
        close_kept()
        relay.stop()
        upstream.end()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory, certificate_file: Path) -> Iterator[Besieged]:
    with siege(tmp_path_factory.mktemp("besieged"), certificate_file) as found:
        yield found


def few_or_many(few: int, many: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "count", [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.slow)]
    )


def test_the_window_shows_what_a_stream_holds(besieged: Besieged) -> None:
    """By these names a leak would show; two streams are plain, one has TLS."""
    seen = {name: besieged.before.get(name, 0) for name in STREAMS}
    in_tls = {"DecryptingFlow": 1, "EncryptingFlow": 1, "Secured": 1, "_SSLSocket": 1}
    assert seen == {"Stream": 3, "Flow": 4, "Connection": 6, **in_tls}
    assert not any(besieged.before.get(name) for name in METERED)
    # Those that look at the upstreams were there before anybody came; a connection has none.
    assert not besieged.before.get("Greenlet")
    assert not besieged.before.get("greenlet")


@few_or_many(60, 5000)
def test_bad_bytes_on_every_port(besieged: Besieged, count: int) -> None:
    relay = besieged.relay
    flights = [first_flight(version) for version in VERSIONS]
    chance = random.Random(4)  # noqa: S311
    for port, seeds in (
        (relay.balancer, [*HEADERS, *(HEADER + one for one in (*GREETINGS, *flights))]),
        (relay.balanced_media, HEADERS),
        (relay.chat, [*GREETINGS, *REQUESTS]),
        (relay.tls, [*flights, *REQUESTS]),
        (relay.media, [*flights, *GREETINGS]),
    ):
        with answering(besieged.upstream, swallow):
            for data in mutations(seeds, count, seed=len(seeds)):
                besieged.attack(port, list(pieces(data, chance)), reset=chance.random() < 0.5)
            besieged.check()


# What a client has done when it resets, or ends, its connection.
Stage = Callable[[Besieged], socket.socket]


def connected(port: str, data: bytes = b"") -> Stage:
    def reach(besieged: Besieged) -> socket.socket:
        connection = besieged.connect(getattr(besieged.relay, port))
        connection.sendall(data)
        return connection

    return reach


def in_tls(data: bytes = b"", port: str = "tls", before: bytes = b"") -> Stage:
    def reach(besieged: Besieged) -> socket.socket:
        connection = any_certificate().wrap_socket(connected(port, before)(besieged), suppress_ragged_eofs=True)
        connection.sendall(data)
        return connection

    return reach


def streaming(port: str, *, stalled: bool) -> Stage:
    def reach(besieged: Besieged) -> socket.socket:
        hello = besieged.media_hello if port == "media" else HELLO
        connection = connected(port, hello)(besieged)
        # More than the kernel's buffers take, when nobody reads.
        connection.settimeout(0.05)
        with suppress(TimeoutError):
            connection.sendall(bytes(1 << 24 if stalled else 1 << 16))
        return connection

    return reach


STAGES: dict[str, Stage] = {
    "connected to chat": connected("chat"),
    "connected to media": connected("media"),
    "half a header": connected("balancer", HEADER[:20]),
    "after the header": connected("balancer", HEADER),
    "half a ClientHello": connected("tls", first_flight(VERSIONS[1])[:100]),
    "after the ClientHello": connected("tls", first_flight(VERSIONS[1])),
    "after the handshake": in_tls(),
    "half of the first bytes": connected("chat", b"E"),
    "half of the first bytes in TLS": in_tls(b"W"),
    "half of a request": connected("chat", b"GET / HTTP/1.1\r\nHost"),
    "after the page": connected("chat", REQUESTS[0]),
    "silence for a scanner": connected("chat", b"SSH-2.0-x\r\n"),
    "while the upstream is dialled": connected("chat", HELLO),
    "while it is dialled for TLS behind a balancer": in_tls(HELLO, "balancer", HEADER),
    "in the middle of a stream": streaming("chat", stalled=False),
    "with the upstream stalled": streaming("media", stalled=True),
}


@pytest.mark.costly
@few_or_many(2, 150)
def test_resets_and_ends_at_every_stage(besieged: Besieged, count: int) -> None:
    end_at_each(besieged, STAGES, count)


def end_at_each(besieged: Besieged, stages: dict[str, Stage], count: int) -> None:
    """So many clients reach each stage, and half of them reset their connection, half end it."""
    for name, reach in stages.items():
        stalled = name == "with the upstream stalled"
        with answering(besieged.upstream, stall if stalled else swallow):
            for number in range(count):
                connection = reach(besieged)
                if number % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                connection.close()
            besieged.check()


def newcomers(besieged: Besieged, count: int) -> list[float]:
    """How long each of some fresh clients needs until its first bytes are upstream, in seconds."""
    took = []
    for _ in range(count):
        watch = Stopwatch(*besieged.relay.workers())
        client = besieged.connect(besieged.relay.chat)
        client.sendall(HELLO)
        server = besieged.upstream.next()
        read_line(server)
        assert read_exactly(server, len(HELLO)) == HELLO
        took.append(watch.read())
        client.close()
        server.close()
    return sorted(took)


@pytest.mark.costly
@few_or_many(50, 1000)
def test_stalled_handshakes(besieged: Besieged, count: int) -> None:
    flight = first_flight(VERSIONS[1])
    for siege in (1, 2):
        stalled = []
        for number in range(count):
            # Some stop before a byte, some in the middle, some after the relay's answer.
            stalled.append(keep(besieged.connect(besieged.relay.tls)))
            stalled[-1].sendall(flight[: (0, 1, 100, len(flight))[number % 4]])
        wait_for(lambda: besieged.look().get("Opening") == count, "all of them to be there")
        assert newcomers(besieged, 20 if count < 100 else 100)[-1] < 2.0
        for one in stalled:
            one.close()
        besieged.check(first=siege == 1)


def greeted(upstream: Upstream, hello: bytes, *, header: bool) -> socket.socket:
    """The next stream at the upstream, whose greeting has arrived whole.

    On a busy machine the last ones of the attack before are accepted only now; those have been reset.
    """
    while True:
        server = upstream.next()
        with suppress(ConnectionResetError):
            if header:
                read_line(server)
            assert read_exactly(server, len(hello)) == hello
            return server


@few_or_many(50, 1000)
@pytest.mark.costly
def test_half_closed_streams(besieged: Besieged, count: int) -> None:
    relay = besieged.relay
    streams = []
    for number in range(count):
        port, hello = ((relay.chat, HELLO), (relay.media, besieged.media_hello))[number % 2]
        client = keep(besieged.connect(port))
        client.sendall(hello)
        server = greeted(besieged.upstream, hello, header=number % 2 == 0)
        ends = (client, server) if number % 4 < 2 else (server, client)
        ends[0].shutdown(socket.SHUT_WR)
        streams.append(ends)
    assert newcomers(besieged, 20 if count < 100 else 100)[-1] < 2.0
    expected = besieged.before["Stream"] + count
    wait_for(lambda: besieged.look()["Stream"] == expected, "the newcomers to be gone")
    for number, (ended, other) in enumerate(streams):
        assert other.recv(1) == b""
        data = os.urandom(1 + number)
        other.sendall(data)
        assert read_exactly(ended, len(data)) == data
    for ended, other in streams:
        other.close()
        assert ended.recv(1) == b""
        ended.close()
    besieged.check()
