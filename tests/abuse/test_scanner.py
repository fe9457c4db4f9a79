"""One scanner with all the addresses of its neighbourhood, while people from elsewhere come."""

import selectors
import socket
import threading
from functools import partial

from tests.abuse.siege import ANSWERED_WITHIN, address, arrive, begin, few_or_many, percentile, reset, timed, told
from tests.relay.conftest import StartRelay
from tests.relay.running import Upstream, read_line, wait_for
from tests.relay.test_wire import HELLO

# Addresses of the scanner, in one /24; from this number on they are other people's, each in a /24 of its own.
SCANNERS, PEOPLE_FROM = 250, 1000
# Seconds between two of its attempts.
PAUSE = 0.001


class Scanner(threading.Thread):
    """Somebody who connects all the time, holds what is accepted, and says nothing."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._enough = threading.Event()
        self.begun = 0

    def run(self) -> None:
        with selectors.DefaultSelector() as held:
            while not self._enough.wait(PAUSE):
                held.register(begin(self.begun % SCANNERS, self._port, of=SCANNERS), selectors.EVENT_READ)
                self.begun += 1
                # Only who is turned away hears anything.
                for key, _events in held.select(0):
                    assert isinstance(key.fileobj, socket.socket)
                    held.unregister(key.fileobj)
                    reset(key.fileobj)

    def stop(self) -> None:
        self._enough.set()
        self.join()


@few_or_many(200, 2000)
def test_a_scanner_does_not_crowd_people_out(start_relay: StartRelay, upstream: Upstream, size: int) -> None:
    # The setting that holds for one address is that of a large relay, so that it does not help.
    relay = start_relay(max_connections=size)
    scanner = Scanner(relay.chat)
    scanner.start()
    try:
        wait_for(lambda: relay.counted("refused", "address-limit") > size, "the scanner to have its share")
        had = relay.status["connections"]
        took = []
        for number in range(PEOPLE_FROM, PEOPLE_FROM + size // 4):
            took.append(timed(partial(_served, relay.chat, number, upstream)))
        told(
            f"A scanner at a relay for {size}",
            its_connections=had,
            attempts=scanner.begun,
            people_served=len(took),
            for_99_of_100_within=percentile(took),
        )
        assert had <= size // 2 + size // 8
        assert percentile(took) < ANSWERED_WITHIN
    finally:
        scanner.stop()


def _served(port: int, number: int, upstream: Upstream) -> None:
    """Come, and be relayed; who is refused fails here."""
    arrive(number, port, HELLO)
    server = upstream.next()
    assert address(number, of=1).encode() in read_line(server)
