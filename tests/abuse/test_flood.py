"""Ten times as many as fit: whoever is inside loses no byte, and the memory of those who fit is enough for all."""

import resource
from contextlib import suppress

from appliance.relay.limits import OWN_BYTES
from appliance.relay.memory import OWN_TO_SPARE
from tests.abuse.siege import ANSWERED_WITHIN, arrive, few_or_many, flood, memory_of, percentile, steady_streams, told
from tests.relay.conftest import StartRelay
from tests.relay.running import Upstream, wait_for
from tests.relay.test_fuzz_relay import answering, swallow
from tests.relay.test_wire import HELLO, any_certificate

# The figure to reach: so many times as many as fit.
TIMES = 10


@few_or_many(300, 1000)
def test_memory_stays_under_its_limit_and_streams_are_whole(
    start_relay: StartRelay, upstream: Upstream, size: int
) -> None:
    relay = start_relay(max_connections=size)
    (worker,) = relay.workers()
    with steady_streams(relay, upstream) as running:
        # What the limit counts for each of them is all the kernel grants, and what is left to streams; its other part
        # is for the kernel's sockets.
        before = memory_of(worker, "VmData")
        limit = before + size * OWN_BYTES + OWN_TO_SPARE
        resource.prlimit(worker, resource.RLIMIT_DATA, (limit, limit))
        descriptors = relay.descriptors()
        context = any_certificate()
        with answering(upstream, swallow):
            inside = []
            # All of them with TLS, which costs most.
            for number in range(size - len(running)):
                one = context.wrap_socket(arrive(number, relay.tls))
                one.sendall(HELLO)
                inside.append(one)
            wait_for(lambda: relay.status["connections"] == size, "a full house")
            took = flood(TIMES * size, relay.chat)
            taken = memory_of(worker, "VmData") - before
            told(
                f"A flood of {TIMES} times {size}",
                refused_within=max(took),
                for_99_of_100=percentile(took),
                MB_more_of_memory=taken / 1e6,
                MB_granted=(limit - before) / 1e6,
            )
            assert taken <= size * OWN_BYTES
            assert len(took) == TIMES * size
            assert percentile(took) < ANSWERED_WITHIN
            wait_for(lambda: relay.counted("refused", "full") == TIMES * size, "the refusals to be counted")
            assert relay.counted("refused", "memory") == 0
            assert relay.workers() == [worker]
            for one in inside:
                with suppress(OSError):
                    one.close()
            wait_for(lambda: relay.status["connections"] == len(running), "the house to be empty again")
    wait_for(lambda: relay.descriptors() <= descriptors + 5, "their descriptors", limit=10)
