"""Less memory than is wanted: newcomers find none, whoever is inside goes on, and later all are served again."""

import resource
import time
from contextlib import suppress

import pytest

from appliance.relay.memory import OWN_TO_SPARE
from tests.abuse.siege import arrive, memory_of, reset, steady_streams, told
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Upstream, read_exactly, serving_again, wait_for
from tests.relay.test_fuzz_relay import answering, swallow
from tests.relay.test_fuzz_rules import VERSIONS, first_flight

# Bytes more than the relay has with its first streams, and leaves to them: enough for some hundred handshakes.
ROOM = 8 << 20
# Those who come, and within how many seconds.
ATTACKERS, LASTS = 2000, 2.0


@serving_again
@pytest.mark.slow
@pytest.mark.alone
def test_at_the_limit_newcomers_are_refused_and_streams_are_whole(
    start_relay: StartRelay, upstream: Upstream, within: float
) -> None:
    relay = start_relay(max_connections=100_000, workers=1)
    (worker,) = relay.workers()
    with steady_streams(relay, upstream), answering(upstream, swallow):
        limit = memory_of(worker, "VmData") + ROOM + OWN_TO_SPARE
        resource.prlimit(worker, resource.RLIMIT_DATA, (limit, limit))
        lines = relay.log.count("\n")
        flight = first_flight(VERSIONS[1])
        crowd = []
        begun = time.monotonic()
        for number in range(ATTACKERS):
            with suppress(ConnectionError):
                # Half a handshake: OpenSSL has made everything that it needs for it.
                crowd.append(arrive(number, relay.tls, flight))
            time.sleep(LASTS / ATTACKERS)
        refused = wait_for(lambda: relay.counted("refused", "memory"), "the refusals to be counted")
        told("A limit of memory", inside=relay.status["connections"], refused=refused)
        took = time.monotonic() - begun
        said = relay.log.splitlines()[lines:]
        assert 1 <= len(said) <= took + 2
        assert all("No memory is left" in one for one in said)
        assert relay.workers() == [worker], "no crash"
        left = limit - memory_of(worker, "VmData")
        told("Of the memory", MB_left=left / 1e6)
        assert left > 0
        for one in crowd:
            reset(one)
    begun = time.monotonic()

    def served() -> bool:
        with suppress(OSError):
            relay.connect(relay.media, MEDIA_HELLO + b"again")
        while upstream.waiting:
            with upstream.next() as one:
                if read_exactly(one, len(MEDIA_HELLO) + 5) == MEDIA_HELLO + b"again":
                    return True
        return False

    wait_for(served, "it to serve again", limit=within)
    told("After it", served_again_within=time.monotonic() - begun)
