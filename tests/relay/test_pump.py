"""The pump beside random peers: any cut, any stall, any end. What one sends, the other gets, and nothing stays held.

The streams run in this process on gevent's loop, between real TCP connections with small buffers, so that a peer that
does not read soon makes the stream keep something.
"""

import gc
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field

import gevent
import pytest
from gevent import get_hub
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.relay import certificate, rate, tls
from appliance.relay.common import Common
from appliance.relay.pipe import Pipe
from appliance.relay.rate import Meter, MeteredCommon, Shares
from appliance.relay.stream import READ, RESET_ON_CLOSE, DecryptingFlow, EncryptingFlow, Flow, Stream
from appliance.relay.tls import Person, Secured
from tests.relay.running import PATIENCE

# What all peers send pieces of: no piece of it is like another, so that nothing can be mistaken for something else.
NOISE = os.urandom(1 << 22)
# The kernel's buffers, in bytes, as small as it makes them.
SMALL = 4096
HELD = (Stream, Flow, DecryptingFlow, EncryptingFlow, Secured)


def connected_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection over loopback with little room in between; non-blocking."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        near = socket.socket()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        near.connect(listening.getsockname())
        far, _ = listening.accept()
    for one in (near, far):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
    return near, far


@dataclass
class Peer:
    """One of the two that speak through a stream, without TLS.

    Args:
        socket: its end.
        sent: what it has sent, as far as it has been taken.
        received: what has come.
        ending: how what comes has ended: ``end``, ``reset``, or empty.
        finished: whether it has ended its own half.
    """

    socket: socket.socket
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    ending: str = ""
    finished: bool = False

    def send(self, count: int, at: int) -> None:
        if self.finished:
            return
        with suppress(BlockingIOError, ConnectionError):
            self.sent += NOISE[at : at + self.socket.send(NOISE[at : at + count])]

    def ended(self) -> str:
        """Receive what there is; how it has ended, if it has."""
        self.receive(1 << 16)
        return self.ending

    def receive(self, count: int) -> None:
        if self.ending:
            return
        try:
            data = self.socket.recv(count)
        except BlockingIOError:
            return
        except ConnectionError:
            self.ending = "reset"
            return
        self.take(data)

    def take(self, data: bytes) -> None:
        self.received += data
        if not data:
            self.ending = "end"

    def finish(self) -> None:
        if not self.finished:
            self.finished = True
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)

    def settle(self) -> None:
        """Go on with what is under way; a plain peer has nothing under way."""

    def reset(self) -> None:
        self.finished, self.ending = True, "own reset"
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()


class TlsPeer(Peer):
    """A client inside TLS, whose records are cut as the socket takes them."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._incoming, self._outgoing, self._left = ssl.MemoryBIO(), ssl.MemoryBIO(), b""
        self._tls = context.wrap_bio(self._incoming, self._outgoing)

    def shake_hands(self, person: Secured) -> None:
        """With the relay's side, before the stream begins."""
        established = False
        while not established:
            with suppress(ssl.SSLWantReadError):
                self._tls.do_handshake()
            with suppress(BlockingIOError):
                self._left = self._left + self._outgoing.read()
                self._left = self._left[self.socket.send(self._left) :]
            established = tls.shake_hands(person)
            with suppress(BlockingIOError):
                self._incoming.write(self.socket.recv(1 << 16))

    def send(self, count: int, at: int) -> None:
        # A peer that cannot get rid of one lot makes no other.
        if not self.finished and not self._left:
            self._tls.write(NOISE[at : at + count])
            self.sent += NOISE[at : at + count]
        self.settle()

    def take(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self.ending = self.ending or "cut off"
        with suppress(ssl.SSLWantReadError):
            while not self.ending:
                plain = self._tls.read(1 << 16)
                self.received += plain
                if not plain:
                    self.ending = "end"

    def receive(self, count: int) -> None:
        try:
            super().receive(count)
        except ssl.SSLZeroReturnError:
            self.ending = "end"

    def finish(self) -> None:
        if not self.finished:
            self.finished = True
            with suppress(ssl.SSLError):
                self._tls.unwrap()
            self.settle()

    def settle(self) -> None:
        if self.ending == "own reset":
            return
        self._left += self._outgoing.read()
        with suppress(BlockingIOError, ConnectionError):
            while self._left:
                self._left = self._left[self.socket.send(self._left) :]
        # TLS has an end of its own: half of the peers leave it at that.
        if self.finished and not self._left and len(self.sent) % 2:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_WR)


class Pumped:
    """A stream with its peers."""

    def __init__(self, context: ssl.SSLContext | None, kind: str, meter: Meter) -> None:
        client, wire = connected_pair()
        person: Person = wire
        server, upstream = connected_pair()
        self.client, self.server = TlsPeer(client) if context else Peer(client), Peer(server)
        if context and isinstance(self.client, TlsPeer):
            person = secured = tls.begin(context, wire)
            self.client.shake_hands(secured)
        self.over = 0
        self.row = memoryview(bytearray(16)).cast("Q")
        readers = (get_hub().loop.io(person.fileno(), READ), get_hub().loop.io(upstream.fileno(), READ))
        self.pipe = Pipe() if kind == "splicing" else None
        self._meter = meter
        metered = MeteredCommon(self.row, self._closed, 1 << 40, meter) if kind == "metered" else None
        common = metered or Common(self.row, self.pipe, self._closed, 1 << 40)
        self.stream = Stream(person, upstream, readers, common, (0, 1))
        self.stream.start(b"")

    def _closed(self, _stream: Stream) -> None:
        self.over += 1

    def peer(self, name: str) -> Peer:
        return self.client if name == "client" else self.server

    def turn_until(self, condition: Callable[[], object], what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < until, f"waited in vain: {what}"
            for peer in (self.client, self.server):
                peer.settle()
            gevent.sleep(0.0002)

    def close(self) -> None:
        self.stream.close()
        self.client.socket.close()
        self.server.socket.close()
        if self.pipe:
            self.pipe.close()
        # It lets go of what has ended when it looks.
        while self._meter._held:
            gevent.sleep(rate.TICK)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return certificate.rules(tmp_path_factory.mktemp("pump")).usual


@pytest.fixture(autouse=True, scope="module")
def loop() -> Iterator[None]:
    """Gevent's loop with what it opens for itself."""
    get_hub()
    gevent.sleep(0.001)
    yield
    gc.unfreeze()


def held() -> tuple[int, int, int]:
    """Descriptors open, watchers that are active, and objects of a stream that have come since the last call."""
    gc.collect()
    objects = sum(isinstance(one, HELD) for one in gc.get_objects())
    # Put aside, so that the next look takes no time.
    gc.freeze()
    return len(os.listdir("/proc/self/fd")), get_hub().loop.activecnt, objects


SIDES = st.sampled_from(["client", "server"])
SIZES = st.one_of(st.integers(1, 40), st.sampled_from([4096, 16384, 16385, 65536, 65537, 300_000]))
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), SIDES, SIZES),
        st.tuples(st.just("receive"), SIDES, SIZES),
        st.tuples(st.just("turn"), SIDES, st.integers(1, 20)),
        st.tuples(st.just("finish"), SIDES, st.just(0)),
    ),
    max_size=40,
)


def act(pumped: Pumped, actions: list[tuple[str, str, int]]) -> None:
    at = 0
    for action, side, number in actions:
        peer = pumped.peer(side)
        if action == "send":
            peer.send(number, at)
            at = (at + number) % (len(NOISE) // 2)
        elif action == "receive":
            peer.receive(number)
        elif action == "finish":
            peer.finish()
        else:
            for _ in range(number):
                gevent.sleep(0)


def check_whole(pumped: Pumped, actions: list[tuple[str, str, int]]) -> None:
    """Whatever has happened: each gets all that the other has sent, and its end, also while its own half is open."""
    act(pumped, actions)
    first, second = (pumped.client, pumped.server) if pumped.client.finished else (pumped.server, pumped.client)
    first.finish()
    pumped.turn_until(second.ended, "the first end to be passed on")
    assert (second.ending, bytes(second.received)) == ("end", bytes(first.sent))
    if not second.finished:
        # Half of the stream goes on.
        length = len(second.sent)

        def answered() -> bool:
            first.receive(1 << 16)
            second.send(1000, 7)
            return len(second.sent) > length

        pumped.turn_until(answered, "room to answer")
        second.finish()
    pumped.turn_until(first.ended, "the second end to be passed on")
    assert (first.ending, bytes(first.received)) == ("end", bytes(second.sent))
    pumped.turn_until(lambda: pumped.over, "the stream to be over")
    assert pumped.over == 1
    if type(pumped.client) is Peer:
        assert list(pumped.row) == [len(pumped.client.sent), len(pumped.server.sent)]


def check_cut(pumped: Pumped, actions: list[tuple[str, str, int]], side: str) -> None:
    """A reset at any moment: the other gets nothing wrong, and is told."""
    act(pumped, actions)
    victim = pumped.peer(side)
    had_finished = victim.finished
    witness = pumped.server if victim is pumped.client else pumped.client
    victim.reset()
    pumped.turn_until(witness.ended, "the reset to be passed on")
    assert victim.sent.startswith(witness.received)
    if side == "client" and not had_finished:
        # What was cut off must not look whole; a client is told of an upstream's reset by an end, as by the reference.
        assert witness.ending == "reset"
    witness.finish()
    pumped.turn_until(lambda: pumped.over, "the stream to be over")
    assert pumped.over == 1


def examples(count: int) -> settings:
    # The same ones each time: what is new is looked for by whoever changes the pump, with a larger number.
    return settings(max_examples=count, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


WAYS = pytest.mark.parametrize(
    ("kind", "tls"),
    [("splicing", False), ("copying", False), ("metered", False), ("copying", True), ("metered", True)],
    ids=["splicing", "copying", "metered", "tls", "metered tls"],  # what is in TLS is never spliced
)


@pytest.fixture
def meter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Meter]:
    """A limit low enough to hold up these peers, with looks often enough that it takes no time."""
    monkeypatch.setattr(rate, "TICK", 0.002)
    monkeypatch.setattr(rate, "BURST", 1024)
    shares = Shares()
    shares.limit = 500_000
    found = Meter(shares, 0)
    yield found
    found._timer.stop()
    found._timer.close()


def try_whole(context: ssl.SSLContext | None, kind: str, meter: Meter, count: int) -> None:
    @examples(count)
    @given(ACTIONS)
    def one(actions: list[tuple[str, str, int]]) -> None:
        before = held()
        with closing(Pumped(context, kind, meter)) as pumped:
            check_whole(pumped, actions)
        del pumped
        assert held() == (*before[:2], 0)

    one()


def try_cut(context: ssl.SSLContext | None, kind: str, meter: Meter, count: int) -> None:
    @examples(count)
    @given(ACTIONS, SIDES)
    def one(actions: list[tuple[str, str, int]], side: str) -> None:
        before = held()
        with closing(Pumped(context, kind, meter)) as pumped:
            check_cut(pumped, actions, side)
        del pumped
        assert held() == (*before[:2], 0)

    one()


@WAYS
def test_all_arrives(context: ssl.SSLContext, meter: Meter, kind: str, tls: bool) -> None:
    try_whole(context if tls else None, kind, meter, 15)


@WAYS
def test_a_cut_leaves_nothing(context: ssl.SSLContext, meter: Meter, kind: str, tls: bool) -> None:
    try_cut(context if tls else None, kind, meter, 15)


@pytest.mark.slow
@WAYS
def test_many_more_cases(
    context: ssl.SSLContext, meter: Meter, kind: str, tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = rate.Metered.hold
    held_up: list[int] = []

    def note(flow: rate.Metered) -> None:
        held_up.append(1)
        hold(flow)

    monkeypatch.setattr(rate.Metered, "hold", note)
    try_whole(context if tls else None, kind, meter, 100)
    try_cut(context if tls else None, kind, meter, 100)
    assert (kind == "metered") is bool(held_up)
