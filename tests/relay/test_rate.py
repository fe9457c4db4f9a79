"""The limit of the whole relay: kept, shared fairly, and every byte in its place."""

import hashlib
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from appliance.relay import rate
from appliance.relay.rate import level_of
from tests.relay.conftest import StartRelay
from tests.relay.running import MEDIA_HELLO, Stopwatch, Upstream, read_exactly, wait_for
from tests.relay.test_wire import tls_connect

# Bytes a second; a home's upload of 6.4 Mbit/s.
LIMIT = 800_000
HELLO = b"WA\x06\x03"


def test_the_level_shares_out_what_the_small_ones_leave() -> None:
    assert level_of(1000, small=0, debt=0, held=0) == 1000
    assert level_of(1000, small=200, debt=0, held=4) == 200
    assert level_of(1000, small=200, debt=100, held=1) == 700
    assert level_of(1000, small=5000, debt=5000, held=2) == 5


class Taker:
    """A direction of a stream that always has more; stands in for a flow, whose sockets the meter never sees."""

    def __init__(self) -> None:
        self.due, self.held, self.over = float("-inf"), False, False
        self.spent = self.tick = 0
        self.taken, self.last, self.silence = 0, 0.0, 0.0

    def hold(self) -> None:
        self.held = True

    def release(self) -> None:
        self.held = False


@pytest.mark.parametrize("count", [1, 5, 20, 50])
def test_a_crowd_that_starts_together_is_served_soon_and_alike(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """A megabit a second, and a line a hundred times as fast, for four minutes of a clock that the test turns."""
    now, limit, piece = 1000.0, 125_000, 16_384
    monkeypatch.setattr(rate, "since_boot", lambda: now)
    shares = rate.Shares()
    shares.limit = limit
    meter = rate.Meter(shares, 0)
    meter._timer.stop()
    takers = [Taker() for _ in range(count)]
    for one in takers:
        one.last = now
    while now < 1240.0:
        room = 100 * limit * rate.TICK
        while room > 0 and (free := [one for one in takers if not one.held]):
            for one in free:
                room -= piece
                one.silence, one.last = max(one.silence, now - one.last), now
                one.taken += piece
                meter.spend(cast(rate.Metered, one), piece)
        now += rate.TICK
        meter._look()
    assert 0.6 * limit < sum(one.taken for one in takers) / 240 < 1.1 * limit
    assert max(max(one.silence, now - one.last) for one in takers) < 15
    assert max(one.taken for one in takers) < 1.2 * min(one.taken for one in takers)


def test_another_limit_holds_at_once_and_unmetered_streams_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds with a limit, two with a tenth of it, two beside former streams that take half, two without any."""
    now, limit, piece = 1000.0, 1_000_000, 5_000
    monkeypatch.setattr(rate, "since_boot", lambda: now)
    shares = rate.Shares()
    shares.limit = limit
    meter = rate.Meter(shares, 0)
    meter._timer.stop()
    takers = [Taker() for _ in range(2)]
    unmetered = 0

    def taken_in(seconds: float, *, beside: int = 0) -> float:
        nonlocal now, unmetered
        before, until = sum(one.taken for one in takers), now + seconds
        while now < until:
            for _ in range(100):
                for one in [one for one in takers if not one.held]:
                    one.taken += piece
                    meter.spend(cast(rate.Metered, one), piece)
            now += rate.TICK
            unmetered += int(beside * rate.TICK)
            shares.note_unmetered(unmetered, now)
            meter._look()
        return (sum(one.taken for one in takers) - before) / seconds

    taken_in(2.0)
    assert taken_in(2.0) == pytest.approx(limit, rel=0.1)
    shares.limit = limit // 10
    taken_in(3.0)
    assert taken_in(4.0) == pytest.approx(limit / 10, rel=0.1)
    shares.limit = limit
    taken_in(8.0, beside=limit // 2)
    assert taken_in(4.0, beside=limit // 2) == pytest.approx(limit / 2, rel=0.1)
    # Those end, and with them what their workers had counted.
    unmetered = 0
    taken_in(8.0)
    assert taken_in(4.0) == pytest.approx(limit, rel=0.1)
    shares.limit = 0
    # As much as comes: nobody is held up any more.
    assert taken_in(1.0) == pytest.approx(2 * 100 * piece / rate.TICK, rel=0.1)
    shares.limit = limit
    taken_in(8.0)
    assert taken_in(4.0) == pytest.approx(limit, rel=0.1)


class Greedy:
    """A connection that sends as fast as it may, and one end that reads it; what arrived, over time.

    Args:
        source: where it sends.
        sink: where that arrives.
        pace: bytes a second at most.
    """

    def __init__(self, source: socket.socket, sink: socket.socket, pace: float = float("inf")) -> None:
        self.received = 0
        self._pace = pace
        self.digest, self.sent_digest = hashlib.sha256(), hashlib.sha256()
        self._source, self._sink = source, sink
        self._stop = threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self._send, self._receive)]
        for thread in self.threads:
            thread.start()

    def _send(self) -> None:
        # A test that has seen enough closes everything under the threads.
        with suppress(OSError):
            due = time.monotonic()
            while not self._stop.wait(max(0.0, due - time.monotonic())):
                # By the clock, so that a busy machine takes nothing of the pace; a long stop is not made up for.
                due = max(due, time.monotonic() - 0.2) + 20_000 / self._pace
                data = os.urandom(20_000)
                self.sent_digest.update(data)
                self._source.sendall(data)
            self._source.shutdown(socket.SHUT_WR)

    def _receive(self) -> None:
        with suppress(OSError):
            while data := self._sink.recv(65536):
                self.digest.update(data)
                self.received += len(data)

    def stop(self) -> None:
        self._stop.set()


def rate_over(seconds: float, streams: list[Greedy]) -> list[float]:
    """Bytes a second that each of them receives."""
    before, began = [one.received for one in streams], time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    return [(one.received - former) / passed for one, former in zip(streams, before, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_the_sum_of_all_streams_stays_at_the_limit(start_relay: StartRelay, upstream: Upstream, workers: int) -> None:
    relay = start_relay(rate_limit=LIMIT, workers=workers, send_proxy="off")
    streams = []
    for number in range(6):
        client = relay.connect(relay.chat, HELLO)
        server = upstream.next()
        assert read_exactly(server, 4) == HELLO
        # Both directions count.
        streams.append(Greedy(client, server) if number % 2 else Greedy(server, client))
    time.sleep(2.5)
    rates = rate_over(5.0, streams)
    assert sum(rates) == pytest.approx(LIMIT, rel=0.15)
    # Nobody has much more than anybody else.
    assert max(rates) < 1.6 * min(rates)


@pytest.mark.slow
def test_another_limit_holds_for_streams_that_are_there(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(rate_limit=0, send_proxy="off")

    def begin() -> tuple[socket.socket, socket.socket]:
        client = relay.connect(relay.media, MEDIA_HELLO)
        server = upstream.next()
        assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
        return client, server

    def save(limit: int, processes: int) -> None:
        relay.settings["rate_limit"] = limit
        relay.write_settings()
        wait_for(lambda: len(relay.workers()) == processes, "the next generation")
        wait_for(lambda: relay.status["phase"] == "running", "it to serve")

    # Began without a limit, and takes three eighths of the one to come.
    pace = 3 * LIMIT // 8
    unmetered = Greedy(*begin(), pace=pace)
    save(LIMIT, 2)
    metered = Greedy(*begin())
    rate_over(3.0, [metered])
    slow, fast = rate_over(3.0, [unmetered, metered])
    # Nobody holds it up; a busy machine may.
    assert 0.7 * pace < slow < 1.1 * pace
    assert slow + fast == pytest.approx(LIMIT, rel=0.15)
    save(LIMIT // 2, 3)
    rate_over(2.0, [metered])
    slow, fast = rate_over(3.0, [unmetered, metered])
    assert slow + fast == pytest.approx(LIMIT / 2, rel=0.2)
    # The generation before this one has no stream and ends, so that there are as many processes before and after.
    save(0, 3)
    wait_for(lambda: rate_over(0.5, [metered])[0] > 2 * LIMIT, "nothing to hold it up")


@pytest.mark.slow
def test_one_alone_may_take_everything_and_every_byte_arrives(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(rate_limit=LIMIT, send_proxy="off")
    client = relay.connect(relay.media, MEDIA_HELLO)
    server = upstream.next()
    assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    stream = Greedy(client, server)
    rate_over(2.0, [stream])
    (rate,) = rate_over(4.0, [stream])
    assert rate == pytest.approx(LIMIT, rel=0.15)
    stream.stop()
    # What lies in the kernel's buffers still has to come, as slowly.
    for thread in stream.threads:
        thread.join(60)
    assert stream.received > 4 * LIMIT
    assert stream.digest.digest() == stream.sent_digest.digest()


@pytest.mark.slow
def test_a_small_stream_is_not_held_up_by_greedy_ones(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(rate_limit=LIMIT, send_proxy="off")
    greedy = []
    for _ in range(3):
        client = relay.connect(relay.media, MEDIA_HELLO)
        greedy.append(Greedy(client, upstream.next()))
    small = tls_connect(relay.tls, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    time.sleep(1.0)
    delays = []
    for _ in range(60):
        watch = Stopwatch(*relay.workers())
        small.sendall(os.urandom(400))
        server.sendall(read_exactly(server, 400))
        read_exactly(small, 400)
        delays.append(watch.read())
        time.sleep(0.03)
    delays.sort()
    # Held up, it would wait for one look of the meter and more, again and again.
    assert delays[len(delays) * 9 // 10] < 0.05
    assert sum(rate_over(2.0, greedy)) == pytest.approx(LIMIT, rel=0.2)


@pytest.mark.slow
def test_idle_streams_cost_no_time(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(rate_limit=LIMIT)
    for _ in range(50):
        relay.connect(relay.chat, HELLO)
        upstream.next()
    (worker,) = relay.workers()

    def used() -> float:
        return int(Path(f"/proc/{worker}/schedstat").read_text().split()[0]) / 1e9

    wait_for(lambda: relay.status["connections"] == 50, "all connections")
    shares = []
    for _ in range(5):
        before, began = used(), time.monotonic()
        time.sleep(1.0)
        shares.append((used() - before) / (time.monotonic() - began))
    # The quietest second: what they cost, they cost in each; a probe or a last greeting falls into one of them.
    assert min(shares) < 0.02
