"""Full house: past the limit everybody is told at once, whoever is inside notices nothing, and it ends by itself."""

import os
import selectors
import signal
import socket
import struct
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from appliance.relay.limits import memory_total, most_connections, raise_descriptor_limit
from tests.relay.conftest import StartRelay
from tests.relay.running import (
    MEDIA_HELLO,
    PATIENCE,
    Relay,
    Stopwatch,
    Upstream,
    free_ports,
    is_relayed,
    keep,
    read_exactly,
    wait_for,
)
from tests.relay.test_wire import HELLO, read_to_end_or_reset

MIB = 1 << 20
INSIDE = 20
# All of them come from one address here.
ANY = 100_000


def test_the_default_follows_this_device(start_relay: StartRelay) -> None:
    relay = start_relay(workers=2)
    expected = most_connections(0, memory_total(), raise_descriptor_limit(), 2)
    assert relay.status["max_connections"] == expected


@pytest.mark.costly
def test_a_former_worker_with_a_stream_keeps_no_newcomer_waiting(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(workers=2)
    # What looks at an upstream has a socket too.
    relay.wait_for_probes()
    former = relay.workers()
    empty = {one: sockets(one) for one in former}
    # The kernel deals connections out by their ports, now and then a dozen in a row to the same worker.
    while any(sockets(one) <= empty[one] for one in former):
        relay.connect(relay.media, MEDIA_HELLO)
        assert read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO
    relay.settings["workers"] = 1
    relay.write_settings()
    wait_for(lambda: relay.status["workers"] == 1, "the new worker")
    assert set(former) <= set(relay.workers()), "both finish their streams"
    wait_for(lambda: relay.status["phase"] == "running", "the new worker to serve")
    for _ in range(40):
        relay.connect(relay.media, MEDIA_HELLO)
        assert read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO


def sockets(process: int) -> int:
    """How many sockets a process has open."""
    found = 0
    for one in Path(f"/proc/{process}/fd").iterdir():
        # What was closed since is none.
        with suppress(FileNotFoundError):
            found += os.readlink(one).startswith("socket:")
    return found


@pytest.mark.costly
def test_a_flood_of_ten_times_the_limit_is_refused_at_once(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(max_connections=INSIDE, max_connections_per_address=ANY, send_proxy="off", workers=1)
    inside = [(relay.connect(relay.media, MEDIA_HELLO), upstream.next()) for _ in range(INSIDE)]
    for _client, server in inside:
        assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    sent = os.urandom(16 * MIB)
    client, server = inside[0]
    sender = threading.Thread(target=server.sendall, args=(sent,))
    sender.start()
    took = refused_after(relay, relay.media, 10 * INSIDE)
    assert len(took) == 10 * INSIDE
    # The figure of the threats' table: even the slowest is told within two seconds, and so is whoever comes next.
    assert max(took) < 2.0
    assert read_exactly(client, len(sent)) == sent
    sender.join()
    assert upstream.waiting == 0
    wait_for(lambda: relay.counted("refused", "full") == 10 * INSIDE, "the refusals to be counted")
    assert relay.status["connections"] == INSIDE
    # A place that becomes free is taken.
    for one in inside.pop():
        one.close()
    wait_for(lambda: relay.status["connections"] == INSIDE - 1, "a place to become free")
    relay.connect(relay.media, MEDIA_HELLO)
    assert read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO


def refused_after(relay: Relay, port: int, count: int) -> list[float]:
    """Connect that many clients at the same time; how many seconds each waited until it was told."""
    took = []
    with selectors.DefaultSelector() as waiting:
        begun, watch = time.monotonic(), Stopwatch(*relay.workers())
        for _ in range(count):
            one = keep(socket.socket())
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.register(one, selectors.EVENT_READ)
        while waiting.get_map() and time.monotonic() - begun < PATIENCE:
            for key, _events in waiting.select(1.0):
                assert isinstance(key.fileobj, socket.socket)
                # The relay resets; not a byte was ever said.
                with suppress(ConnectionError):
                    assert key.fileobj.recv(1) == b""
                took.append(watch.read())
                waiting.unregister(key.fileobj)
    return took


@pytest.mark.costly
def test_a_thousand_resets_leave_nothing_behind(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(max_connections=INSIDE, max_connections_per_address=ANY)
    wait_for(lambda: relay.status["connections"] == 0, "quiet")
    relay.wait_for_probes()
    before = relay.descriptors()
    for _ in range(1000):
        # Who is refused may hear of it before connect() has ended.
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", relay.media), 10) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: total(relay) == 1000, "all of them to be counted")
    wait_for(lambda: relay.status["connections"] == 0, "all of them to be forgotten", limit=10)
    wait_for(lambda: abs(relay.descriptors() - before) <= 5, "their descriptors", limit=10)
    relay.connect(relay.media, MEDIA_HELLO)
    assert upstream.next()


def total(relay: Relay) -> int:
    """All who came, taken or refused."""
    return int(sum(relay.status["counters"]["connections"].values())) + relay.counted("refused", "full")


def test_two_workers_share_one_limit(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(max_connections=INSIDE, max_connections_per_address=ANY, workers=2)
    for _ in range(3 * INSIDE):
        # Who is refused may hear of it before the first word is sent.
        with suppress(ConnectionError):
            relay.connect(relay.chat, HELLO)
    wait_for(lambda: total(relay) == 3 * INSIDE, "all of them to be counted")
    # Each worker looks before it takes: two that look at the same moment may take one too many.
    assert INSIDE <= relay.status["connections"] <= INSIDE + 1


@pytest.mark.costly
@pytest.mark.parametrize("reason", ["full", "address-limit"])
def test_who_came_before_a_setting_was_saved_still_counts(
    start_relay: StartRelay, upstream: Upstream, reason: str
) -> None:
    most = {"full": 4, "address-limit": 100}[reason]
    relay = start_relay(max_connections=most, max_connections_per_address=4, send_proxy="off", workers=2)
    inside = [(relay.connect(relay.media, MEDIA_HELLO), upstream.next()) for _ in range(4)]
    former = relay.workers()
    ports = [relay.chat]
    # Saved twice: whoever stands between the oldest workers and the newest ones must not hide anybody.
    for fresh in free_ports(32)[-2:]:
        ports.append(fresh)
        relay.settings["chat_ports"] = ports
        relay.write_settings()
        wait_for(partial(served, relay, fresh), "the workers with the new port")
        with suppress(ConnectionResetError):
            assert read_to_end_or_reset(relay.connect(fresh, HELLO)) == b""
        wait_for(partial(refused, relay, reason, len(ports) - 1), "the refusal to be counted")
        assert relay.status["connections"] == 4
    # A place that becomes free is taken, by the new workers.
    for end in inside.pop():
        end.close()
    wait_for(lambda: relay.status["connections"] == 3, "a place to become free")
    wait_for(lambda: taken(relay, fresh, upstream), "somebody to be let in")
    # A former worker that dies takes its own with it.
    for one in set(former) & set(relay.workers()):
        os.kill(one, signal.SIGKILL)
    wait_for(lambda: relay.status["connections"] == 1, "the dead to be forgotten")
    wait_for(lambda: not set(former) & set(relay.workers()), "the former ones to be buried")
    assert all(wait_for(lambda: taken(relay, fresh, upstream), "their places") for _ in range(3))
    with suppress(ConnectionResetError):
        assert read_to_end_or_reset(relay.connect(fresh, HELLO)) == b""


def served(relay: Relay, port: int) -> bool:
    """Whether the workers listen at a port, and the parent has seen all of them."""
    status = relay.status
    return status["phase"] == "running" and any(one["port"] == port and not one["trouble"] for one in status["ports"])


def refused(relay: Relay, reason: str, count: int) -> bool:
    """Whether so many were refused by now."""
    return relay.counted("refused", reason) == count


def taken(relay: Relay, port: int, upstream: Upstream) -> bool:
    """Try once; whether the connection got through, which then stays."""
    with suppress(ConnectionError):
        return is_relayed(relay.connect(port, HELLO), upstream) and upstream.next() is not None
    return False
