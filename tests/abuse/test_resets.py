"""Resets without end, at every stage of a connection: the descriptors are back, and nobody inside has noticed."""

import itertools
import time
from contextlib import suppress

from tests.abuse.siege import arrive, long, reset, steady_streams, told
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Upstream, wait_for
from tests.relay.test_fuzz_relay import HEADER, answering, swallow
from tests.relay.test_fuzz_rules import VERSIONS, first_flight
from tests.relay.test_wire import HELLO

# Connections of an attacker that are open before the first of them is reset.
AT_ONCE = 50


pytestmark = long
LASTS = 60.0  # seconds


def test_descriptors_are_back_after_a_minute_of_resets(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    flight = first_flight(VERSIONS[1])
    stages = [
        *((relay.chat, data) for data in (b"", HELLO[:1], HELLO, b"GET / HT", b"SSH-2.0-x\r\n")),
        *((relay.tls, data) for data in (b"", flight[:100], flight, b"GET / HTTP/1.1\r\n\r\n")),
        *((relay.media, data) for data in (b"", MEDIA_HELLO[:5], MEDIA_HELLO, bytes(100_000))),
        *((relay.balancer, data) for data in (HEADER[:20], HEADER, HEADER + HELLO)),
    ]
    with steady_streams(relay, upstream) as running, answering(upstream, swallow):
        time.sleep(1.5)
        before = relay.descriptors()
        until = time.monotonic() + LASTS
        count = 0
        for port, data in itertools.cycle(stages):
            if time.monotonic() >= until:
                break
            attackers = []
            for number in range(count, count + AT_ONCE):
                with suppress(OSError):
                    attackers.append(arrive(number, port, data))
            for one in attackers:
                reset(one)
            count += AT_ONCE
        ended = time.monotonic()
        wait_for(lambda: abs(relay.descriptors() - before) <= 5, "the descriptors to be back", limit=10)
        told(
            f"{LASTS:g} s of resets",
            connections=count,
            descriptors_before=before,
            descriptors_after=relay.descriptors(),
            back_within=time.monotonic() - ended,
        )
        wait_for(lambda: relay.status["connections"] == len(running), "all of them to be forgotten")
