"""Workers that join when there is work for them and leave when there is none, while people come and go."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from appliance.settings.declared import RelaySettings
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, Upstream, read_exactly, wait_for
from tests.relay.test_wire import HELLO

# Connections for which another worker joins, and seconds of calm until one leaves.
MANY, WHILE = 12, 3.0
Stream = tuple[socket.socket, socket.socket]


def launch(cores: Iterable[int], command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    # On the program itself: this process has threads of other tests.
    return subprocess.Popen(["taskset", "-c", ",".join(map(str, cores)), *command], stderr=log, stdout=log)


def begin(start_relay: StartRelay, monkeypatch: pytest.MonkeyPatch, cores: Iterable[int]) -> Relay:
    """A relay that may use these cores and has as many workers as it needs."""
    assert RelaySettings().workers == 0
    monkeypatch.setattr(Relay, "program", (sys.executable, "-m", "tests.relay.with_demand", str(MANY), str(WHILE)))
    return start_relay(workers=0, send_proxy="off", launch=partial(launch, cores))


def talk(relay: Relay, upstream: Upstream) -> Stream:
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    answer((client, server))
    return client, server


def answer(stream: Stream) -> None:
    client, server = stream
    server.sendall(b"ten bytes.")
    assert read_exactly(client, 10) == b"ten bytes."


def end(stream: Stream) -> None:
    for one in stream:
        one.close()


def sockets_of(process: int) -> int:
    """How many connections a process has, and where it listens."""
    return sum(os.readlink(one).startswith("socket:") for one in Path(f"/proc/{process}/fd").iterdir())


@pytest.mark.costly
def test_another_worker_joins_and_leaves_and_nobody_notices(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = begin(start_relay, monkeypatch, sorted(os.sched_getaffinity(0))[:2])
    assert relay.status["workers"] == 1
    (first,) = relay.workers()
    # Whichever of the open sockets they came to: one worker takes them all.
    streams = [talk(relay, upstream) for _ in range(MANY)]
    wait_for(lambda: relay.status["workers"] == 2, "another worker")
    assert relay.status["phase"] == "running", "who helps is not waited for"
    wait_for(lambda: len(relay.workers()) == 2, "its process")
    (second,) = set(relay.workers()) - {first}
    # Of so many, each of which comes to either of two sockets, some are for the new one once it accepts.
    until, before = time.monotonic() + 20, 0
    while not before or sockets_of(second) == before:
        before = before or sockets_of(second)
        streams.append(talk(relay, upstream))
        assert time.monotonic() < until, "nobody came to the new worker"
        time.sleep(0.1)
    for one in streams:
        answer(one)

    for one in streams[:-3]:
        end(one)
    wait_for(lambda: relay.status["workers"] == 1, "one to leave")
    for one in streams[-3:]:
        answer(one)
    # It goes with its last stream. Who comes to its socket is taken by the other one.
    wait_for(lambda: relay.status["connections"] == 3, "the streams to be counted")
    for one in streams[-3:]:
        end(one)
    wait_for(lambda: relay.workers() == [first], "its process to end")
    for _ in range(10):
        end(talk(relay, upstream))
    assert relay.status["phase"] == "running"
    assert "ended unexpectedly" not in relay.log


@pytest.mark.costly
def test_where_one_core_is_allowed_there_is_one_whoever_comes(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = begin(start_relay, monkeypatch, sorted(os.sched_getaffinity(0))[:1])
    streams = [talk(relay, upstream) for _ in range(MANY + 1)]
    wait_for(lambda: relay.status["connections"] == MANY + 1, "all of them to be counted")
    # Two looks more.
    time.sleep(2.5)
    assert relay.status["workers"] == 1
    assert len(relay.workers()) == 1
    for one in streams:
        answer(one)


@pytest.mark.costly
def test_with_new_settings_there_are_as_many_as_before(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = begin(start_relay, monkeypatch, sorted(os.sched_getaffinity(0))[:2])
    streams = [talk(relay, upstream) for _ in range(MANY)]
    wait_for(lambda: relay.status["workers"] == 2 and len(relay.workers()) == 2, "another worker")
    former = set(relay.workers())
    relay.settings["idle_timeout"] = 500
    relay.write_settings()
    wait_for(lambda: len(set(relay.workers()) - former) == 2, "two new ones")
    for one in streams:
        answer(one)
