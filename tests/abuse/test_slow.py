"""A thousand slow clients and a thousand handshakes that go no further: a fresh page and a fresh relay still answer."""

import socket
import threading
from contextlib import suppress

from tests.abuse.siege import ANSWERED_WITHIN, arrive, few_or_many, memory_of, percentile, timed, told
from tests.page.conftest import Page
from tests.relay.conftest import StartRelay
from tests.relay.running import Upstream, read_exactly, read_line
from tests.relay.test_fuzz_rules import VERSIONS, first_flight
from tests.relay.test_wire import HELLO, tls_connect

# What slow clients say, a byte at a time, and seconds between two of them: all have time-outs to evade.
SLOWLY = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 500
PAUSE = 1.0
# Visits of each kind, for a percentile.
FEW_VISITS, MANY_VISITS = 20, 300
# The page's unit file says so (MemoryMax), in bytes.
PAGE_MAY_TAKE = 300 << 20


class Client:
    """One slow client."""

    def __init__(self, number: int, port: int) -> None:
        self._number, self._port = number, port
        self._said = 0
        self.times = 0
        self.connection = socket.socket()

    def step(self) -> None:
        """Say one byte more; whoever has been turned away comes again."""
        try:
            self.connection.send(SLOWLY[self._said : self._said + 1], socket.MSG_DONTWAIT)
            self._said += 1
        except OSError:
            self.connection.close()
            with suppress(OSError):
                self.connection, self._said = arrive(self._number, self._port), 0
                self.times += 1


class Slow(threading.Thread):
    """All of them."""

    def __init__(self, ports: list[int], count: int) -> None:
        super().__init__(daemon=True)
        self.clients = [Client(number, ports[number % len(ports)]) for number in range(count)]
        self._enough = threading.Event()
        self.all_there = threading.Event()

    def run(self) -> None:
        while not self._enough.is_set():
            for client in self.clients:
                client.step()
            self.all_there.set()
            self._enough.wait(PAUSE)
        for client in self.clients:
            client.connection.close()

    def stop(self) -> None:
        self._enough.set()
        self.join()


@few_or_many(100, 1000)
def test_a_fresh_page_and_a_fresh_relay_still_answer(
    start_relay: StartRelay, upstream: Upstream, page: Page, size: int
) -> None:
    relay = start_relay()
    flight = first_flight(VERSIONS[1])
    # Half of the slow clients are the page's.
    slow = Slow([page.port, relay.chat, page.port, relay.tls], size)
    slow.start()
    handshakes = [arrive(number, relay.tls, flight[: len(flight) - number % 2 * 100]) for number in range(size)]
    assert slow.all_there.wait(60)
    visits = FEW_VISITS if size < 1000 else MANY_VISITS
    took: dict[str, list[float]] = {"page": [], "relay": [], "relay with TLS": []}
    try:
        for number in range(visits):
            if number % 50 == 49:
                # They have 20 seconds each, and come again.
                for one in handshakes:
                    one.close()
                handshakes = [arrive(one, relay.tls, flight) for one in range(size)]
            took["page"].append(timed(lambda: _visit(page)))
            took["relay"].append(timed(lambda: _relayed(relay.connect(relay.chat, HELLO), upstream)))
            took["relay with TLS"].append(timed(lambda: _relayed(tls_connect(relay.tls, HELLO), upstream)))
    finally:
        slow.stop()
    for what, seconds in took.items():
        told(f"{size} slow clients and {size} handshakes, {what}", p99=percentile(seconds), visits=len(seconds))
    taken = memory_of(page.process.pid, "VmHWM")
    told("The page meanwhile", MB_at_most=taken / 1e6)
    assert taken < PAGE_MAY_TAKE
    if size >= 1000:
        assert all(percentile(seconds) < ANSWERED_WITHIN for seconds in took.values())
        assert sum(client.times for client in slow.clients) > size, "nobody was turned away by a time-out"


def _visit(page: Page) -> None:
    assert page.visitor().get("/claim").status == 200


def _relayed(client: socket.socket, upstream: Upstream) -> None:
    server = upstream.next()
    read_line(server)
    assert read_exactly(server, len(HELLO)) == HELLO
    server.close()
    client.close()
