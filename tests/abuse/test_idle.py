"""Many idle streams at once: each is closed at the limit, and none before."""

import selectors
import socket
import time

from tests.abuse.siege import arrive, long, told
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Upstream, wait_for
from tests.relay.test_fuzz_relay import answering
from tests.relay.test_wire import HELLO

# Seconds of the limit in the test, and the promised part of it that it may be off.
LIMIT, OFF_BY = 20.0, 0.05


pytestmark = long
STREAMS = 1000


def test_a_thousand_idle_streams_are_closed_at_the_limit(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(idle_timeout=LIMIT)
    passed_on: list[float] = []
    closed: list[float] = []

    def note(server: socket.socket) -> None:
        with server:
            while server.recv(64):
                passed_on.append(time.monotonic())

    shortest = LIMIT
    with answering(upstream, note), selectors.DefaultSelector() as idle:
        for number in range(STREAMS):
            begun = time.monotonic()
            one = arrive(number, *((relay.chat, HELLO), (relay.media, MEDIA_HELLO))[number % 2])
            idle.register(one, selectors.EVENT_READ, begun)
        wait_for(lambda: relay.status["connections"] == STREAMS, "all of them to be relayed")
        while idle.get_map():
            ready = idle.select(2 * LIMIT)
            assert ready, "somebody is never closed"
            for key, _events in ready:
                closed.append(time.monotonic())
                shortest = min(shortest, closed[-1] - key.data)
                idle.unregister(key.fileobj)
    longest = max(closed) - max(passed_on)
    told(f"{STREAMS} idle streams, a limit of {LIMIT:g} s", first_after=shortest, last_after=longest)
    assert shortest >= LIMIT * (1 - OFF_BY)
    # And what a busy test machine adds.
    assert longest <= LIMIT * (1 + OFF_BY) + 0.5
