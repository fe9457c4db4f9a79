"""The relay's processes: how many there may be, and what happens when one dies, hangs, or loses its parent."""

import os
import signal
from functools import partial
from pathlib import Path

import pytest

from appliance.relay.generation import SIGN_OF_LIFE, workers_for
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, Upstream, read_exactly, wait_for
from tests.relay.test_wire import HELLO


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 2), (3, 3), (4, 3), (8, 6)])
def test_there_may_be_three_for_every_four_cores(cores: int, workers: int) -> None:
    assert workers_for(cores) == workers


def relayed(relay: Relay) -> dict[str, int]:
    """What was counted at the chat port by now."""
    found = relay.status["counters"]
    return {name: found[name][str(relay.chat)] for name in ("connections", "bytes_from_people", "bytes_to_people")}


def talk(relay: Relay, upstream: Upstream) -> None:
    """A stream that stays, with a greeting and an answer of ten bytes."""
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    server.sendall(b"ten bytes.")
    assert read_exactly(client, 10) == b"ten bytes."


def replaced(relay: Relay, process: int) -> bool:
    """Whether another of two workers has taken a dead one's place."""
    workers = relay.workers()
    return len(workers) == 2 and process not in workers


@pytest.mark.costly
def test_a_dead_worker_is_replaced_and_what_it_counted_stays(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(workers=2, send_proxy="off")
    former = relay.workers()
    assert len(former) == 2
    for _ in range(8):
        talk(relay, upstream)
    counted = {"connections": 8, "bytes_from_people": 32, "bytes_to_people": 80}
    wait_for(lambda: relayed(relay) == counted, "all of it to be counted")
    assert relay.status["connections"] == 8
    # Both, one after the other: whatever each had is gone, and was counted.
    for process in former:
        os.kill(process, signal.SIGKILL)
        wait_for(partial(replaced, relay, process), "another worker")
    wait_for(lambda: relay.status["connections"] == 0, "the lost streams to be gone from the status")
    assert relayed(relay) == counted
    assert relay.log.count("ended unexpectedly") == 2
    for _ in range(8):
        talk(relay, upstream)
    wait_for(lambda: relayed(relay) == {name: 2 * count for name, count in counted.items()}, "the sum to go on")


@pytest.mark.patient
def test_a_worker_that_hangs_is_replaced(start_relay: StartRelay, upstream: Upstream) -> None:
    assert SIGN_OF_LIFE == 10.0
    relay = start_relay(workers=2, send_proxy="off")
    former = relay.workers()
    for _ in range(8):
        talk(relay, upstream)
    hanging = former[0]
    # Alive, and deaf: nothing but a look at its sign of life tells.
    os.kill(hanging, signal.SIGSTOP)
    wait_for(lambda: hanging not in relay.workers(), "the end of the one that hangs")
    wait_for(lambda: len(relay.workers()) == 2, "another worker")
    assert former[1] in relay.workers()
    assert "does not answer any more" in relay.log
    for _ in range(8):
        talk(relay, upstream)
    wait_for(lambda: relayed(relay)["connections"] == 16, "all of them to be counted")


def test_workers_end_when_the_parent_is_killed(start_relay: StartRelay) -> None:
    relay = start_relay(workers=2)
    workers = relay.workers()
    assert relay.process is not None
    relay.process.kill()
    relay.process.wait()
    wait_for(lambda: not any(_alive(one) for one in workers), "the workers to end")


def _alive(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False
