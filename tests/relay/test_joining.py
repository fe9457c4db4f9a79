"""Workers that join when there is work for them and leave when there is none, while people come and go."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from appliance.settings.declared import RelaySettings
from tests.relay.conftest import StartRelay
from tests.relay.running import PATIENCE, Relay, Upstream, read_exactly, wait_for
from tests.relay.test_wire import HELLO

CORES = sorted(os.sched_getaffinity(0))
# Connections for which another worker joins, and seconds of calm until one leaves.
MANY, WHILE = 12, 3.0
Stream = tuple[socket.socket, socket.socket]


def launch(cores: Iterable[int], command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    # On the program itself: this process has threads of other tests.
    return subprocess.Popen(["taskset", "-c", ",".join(map(str, cores)), *command], stderr=log, stdout=log)


def begin(start_relay: StartRelay, monkeypatch: pytest.MonkeyPatch, cores: Iterable[int], calm: float = WHILE) -> Relay:
    """A relay that may use these cores and has as many workers as it needs."""
    assert RelaySettings().workers == 0
    monkeypatch.setattr(Relay, "program", (sys.executable, "-m", "tests.relay.with_demand", str(MANY), str(calm)))
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
    found = 0
    # The process may end meanwhile, and close what it has.
    with suppress(OSError):
        for one in Path(f"/proc/{process}/fd").iterdir():
            with suppress(OSError):
                found += os.readlink(one).startswith("socket:")
    return found


def came_to(relay: Relay, upstream: Upstream, process: int) -> list[Stream]:
    """Streams that begin, one after the other, until some of them are a new worker's."""
    # What it has inherited, and what the first look at the upstreams needed, is closed.
    before, since = sockets_of(process), time.monotonic()
    while time.monotonic() - since < 1.5:
        if (now := sockets_of(process)) != before:
            before, since = now, time.monotonic()
        time.sleep(0.1)
    streams = []
    until = time.monotonic() + PATIENCE
    # Each stream has two; two streams more than a look at the upstreams could be.
    while sockets_of(process) < before + 4:
        streams.append(talk(relay, upstream))
        assert time.monotonic() < until, "nobody came to the new worker"
        time.sleep(0.1)
    return streams


def comes_to_another(relay: Relay, upstream: Upstream, process: int, kept: int) -> bool:
    """Whether none of five who come now comes to this worker, which may be gone; fewer than call another one."""
    wait_for(lambda: relay.status["connections"] == kept, "those before to be gone")
    if process not in relay.workers():
        return True
    before = sockets_of(process)
    streams = [talk(relay, upstream) for _ in range(5)]
    came = process in relay.workers() and sockets_of(process) > before
    for one in streams:
        end(one)
    return not came


@pytest.mark.skipif(len(CORES) < 2, reason="where one core is allowed, there is one worker")
@pytest.mark.costly
def test_another_worker_joins_leaves_and_comes_back_and_nobody_notices(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = begin(start_relay, monkeypatch, CORES[:2])
    assert relay.status["workers"] == 1
    (first,) = relay.workers()
    # Whichever of the open sockets they came to: one worker takes them all.
    streams = [talk(relay, upstream) for _ in range(MANY)]
    wait_for(lambda: relay.status["workers"] == 2, "another worker")
    assert relay.status["phase"] == "running", "who helps is not waited for"
    wait_for(lambda: len(relay.workers()) == 2, "its process")
    (second,) = set(relay.workers()) - {first}
    # Of so many, each of which comes to either of two sockets, some are for the new one.
    theirs = came_to(relay, upstream, second)
    for one in (*streams, *theirs):
        answer(one)

    for one in (*streams, *theirs[:-2]):
        end(one)
    kept = theirs[-2:]
    wait_for(lambda: relay.status["workers"] == 1, "one to leave")
    # Who comes to its socket is taken by the other one, as soon as it has seen that it is to leave.
    wait_for(lambda: comes_to_another(relay, upstream, second, len(kept)), "the other one to take everybody")
    for one in kept:
        answer(one)
    if second in relay.workers():
        # It has some of those that were kept, and comes back before another one is started.
        streams = [talk(relay, upstream) for _ in range(MANY)]
        wait_for(lambda: relay.status["workers"] == 2, "it to come back")
        assert set(relay.workers()) == {first, second}
        for one in (*came_to(relay, upstream, second), *streams):
            end(one)
        wait_for(lambda: relay.status["workers"] == 1, "it to leave again")
    for one in kept:
        answer(one)
        end(one)
    # It goes with its last stream.
    wait_for(lambda: relay.workers() == [first], "its process to end")
    for _ in range(10):
        end(talk(relay, upstream))
    assert relay.status["phase"] == "running"
    assert "ended unexpectedly" not in relay.log


@pytest.mark.skipif(len(CORES) < 2, reason="where one core is allowed, there is one worker")
@pytest.mark.costly
def test_the_first_one_takes_who_comes_to_a_dead_one(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A dead one is replaced a second after its start at the earliest: here never.
    monkeypatch.setattr(Relay, "program", (sys.executable, "-m", "tests.relay.without_replacement"))
    relay = start_relay(workers=2, send_proxy="off")
    first, second = relay.workers()
    os.kill(second, signal.SIGKILL)
    wait_for(lambda: relay.workers() == [first], "the end of the second one")
    for _ in range(20):
        end(talk(relay, upstream))
    assert relay.workers() == [first]
    assert relay.log.count("ended unexpectedly") == 1


@pytest.mark.costly
def test_where_one_core_is_allowed_there_is_one_whoever_comes(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay = begin(start_relay, monkeypatch, CORES[:1])
    streams = [talk(relay, upstream) for _ in range(MANY + 1)]
    wait_for(lambda: relay.status["connections"] == MANY + 1, "all of them to be counted")
    # Two looks more.
    time.sleep(2.5)
    assert relay.status["workers"] == 1
    assert len(relay.workers()) == 1
    for one in streams:
        answer(one)


@pytest.mark.skipif(len(CORES) < 2, reason="where one core is allowed, there is one worker")
@pytest.mark.costly
def test_with_new_settings_there_are_as_many_as_before(
    start_relay: StartRelay, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No time that passes here is long enough for one to leave.
    relay = begin(start_relay, monkeypatch, CORES[:2], calm=3600.0)
    streams = [talk(relay, upstream) for _ in range(MANY)]
    wait_for(lambda: relay.status["workers"] == 2 and len(relay.workers()) == 2, "another worker")
    # Too few for another one to join.
    for one in streams[2:]:
        end(one)
    streams = streams[:2]
    wait_for(lambda: relay.status["connections"] == len(streams), "them to be counted")
    former = set(relay.workers())
    relay.settings["idle_timeout"] = 500
    relay.write_settings()
    wait_for(lambda: len(set(relay.workers()) - former) == 2, "two new ones")
    assert relay.status["workers"] == 2
    for one in streams:
        answer(one)
    # The same after a restart, when everybody comes back.
    relay.stop()
    relay.start()
    assert relay.status["workers"] == 2
