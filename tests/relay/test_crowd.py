"""When there is a crowd: the share of an address's neighbourhood, so that one place cannot crowd everybody out."""

import mmap
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from appliance.relay.limits import CELLS, Crowd, prefix_of, share_of_prefix
from appliance.relay.stream import RESET_ON_CLOSE
from tests.relay.conftest import StartRelay
from tests.relay.running import Relay, Upstream, is_relayed, keep, read_line, wait_for
from tests.relay.test_wire import HELLO, read_to_end_or_reset


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("203.0.113.7", "203.0.113.250", True),
        ("203.0.113.7", "203.0.112.7", False),
        ("203.0.113.7", "::ffff:203.0.113.9", True),
        ("2001:db8:0:12::1", "2001:db8:0:ff:1:2:3:4", True),
        ("2001:db8:0:12::1", "2001:db8:0:100::1", False),
        ("2001:db8::1", "2001:db8:0:0:8000::", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("20.1.13.18", "2001:db8::1", False),
    ],
)
def test_neighbours_share_a_prefix(one: str, other: str, together: bool) -> None:
    assert (prefix_of(one) == prefix_of(other)) is together


def test_the_share_shrinks_while_the_relay_fills() -> None:
    most = 27_500
    assert [share_of_prefix(opened, most, 1000) for opened in (0, most // 2)] == [None, None]
    assert [share_of_prefix(int(most * part), most, 1000) for part in (0.6, 0.8, 0.9, 1.0)] == [3437, 1718, 1000, 1000]
    # Who lets one address have more lets a prefix have that too, up to an eighth.
    assert [share_of_prefix(most, most, for_address) for for_address in (2000, 5000)] == [2000, 3437]
    # What one address may have anywhere must not be all that a small relay has.
    assert [share_of_prefix(int(200 * part), 200, 1000) for part in (0.6, 1.0)] == [25, 25]
    assert share_of_prefix(70, 100, 1000) == 16
    assert share_of_prefix(most, most, 27_501) is None


def test_prefixes_are_counted_beside_addresses() -> None:
    crowd = Crowd(2)
    first, second = crowd.cells_of("203.0.113.7"), crowd.cells_of("203.0.113.8")
    elsewhere = crowd.cells_of("198.51.100.7")
    crowd.add(0, first, 1)
    crowd.add(1, second, 1)
    assert [crowd.count(one) for one in (first, second, elsewhere)] == [1, 1, 0]
    assert [crowd.count_prefix(one) for one in (first, second, elsewhere)] == [2, 2, 0]
    crowd.add(0, first, -1)
    assert (crowd.count(first), crowd.count_prefix(second)) == (0, 1)
    crowd.clear(1)
    assert crowd.count_prefix(second) == 0


def test_nothing_is_left_of_who_has_gone() -> None:
    crowd = Crowd(1)
    for number in range(1000):
        crowd.add(0, crowd.cells_of(f"203.0.{number % 4}.{number % 250}"), 1)
    for number in range(1000):
        crowd.add(0, crowd.cells_of(f"203.0.{number % 4}.{number % 250}"), -1)
    assert not any(crowd._rows[0])


def test_who_came_before_a_setting_was_saved_still_counts() -> None:
    oldest = Crowd(2)
    cells = oldest.cells_of("203.0.113.7")
    oldest.add(1, cells, 1)
    former = Crowd(1, [oldest])
    former.add(0, cells, 1)
    crowd = Crowd(3, [oldest, former])
    assert crowd.cells_of("203.0.113.7") == cells
    crowd.add(2, cells, 1)
    assert (crowd.count(cells), crowd.count_prefix(cells)) == (3, 3)
    # In its own rows only: nothing here may touch those of others.
    crowd.clear(0)
    crowd.clear(1)
    assert (oldest.count(cells), crowd.count(cells)) == (1, 3)
    oldest.end()
    crowd.look()
    assert crowd.count(cells) == 2


# What the kernel calls memory that processes share and that is no file's (proc_pid_maps(5)).
SHARED = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw-s .* /dev/zero \(deleted\)$", re.MULTILINE)


def remembered(relay: Relay, workers: int) -> int:
    """How many cells of a running relay's memory tell that somebody is there: all that it has of anybody's address."""
    process = relay.workers()[0]
    size = workers * CELLS * 2 * 2 * 2
    found = [(int(start, 16), int(end, 16)) for start, end in SHARED.findall(Path(f"/proc/{process}/maps").read_text())]
    # In whole pages, of which one more may hold what belongs to it.
    (start,) = [start for start, end in found if size <= end - start <= size + mmap.PAGESIZE]
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        memory.seek(start)
        cells = memory.read(size)
    assert len(cells) == size
    return sum(1 for cell in memoryview(cells).cast("H") if cell)


def people_come(relay: Relay) -> list[socket.socket]:
    """As many as there are in thirty neighbourhoods, at several stages; none of them is there before."""
    wait_for(lambda: relay.status["connections"] == 0, "quiet")
    assert remembered(relay, 2) == 0
    people = []
    for number in range(1, 31):
        one = keep(socket.socket())
        one.bind((f"127.0.{number}.9", 0))
        one.connect(("127.0.0.1", (relay.chat, relay.tls, relay.media)[number % 3]))
        one.sendall((HELLO, b"\x16\x03\x01", b"")[number % 3])
        people.append(one)
    wait_for(lambda: relay.status["connections"] == len(people), "all of them to be counted")
    # Two for each address and two for its /24, unless some share one by chance.
    assert 100 < remembered(relay, 2) <= 4 * len(people)
    return people


@pytest.mark.costly
def test_nothing_is_left_in_the_memory_of_a_relay_that_many_have_reset(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    """Neither of those who have gone as attackers go, nor of those whose worker has died."""
    relay = start_relay(workers=2)
    for one in people_come(relay):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        one.close()
    wait_for(lambda: remembered(relay, 2) == 0, "the last of them to be forgotten", limit=10)
    people_come(relay)
    former = relay.workers()
    for worker in former:
        os.kill(worker, signal.SIGKILL)
    wait_for(lambda: len(relay.workers()) == 2 and not {*relay.workers()} & {*former}, "other workers")
    wait_for(lambda: remembered(relay, 2) == 0, "those of the former ones to be forgotten", limit=10)


def test_a_row_of_another_relay_tells_nothing() -> None:
    """The key is made anew at each start, so that the same address has other cells."""
    assert len({Crowd(1).cells_of("203.0.113.7") for _ in range(8)}) == 8


def arrive(relay: Relay, upstream: Upstream, address: str) -> bool:
    """Whether somebody behind a balancer is relayed."""
    family, own = ("TCP6", "2001:db8::1") if ":" in address else ("TCP4", "198.51.100.1")
    person = relay.connect(relay.balancer, f"PROXY {family} {address} {own} 1 2\r\n".encode() + HELLO)
    if is_relayed(person, upstream):
        return address.encode() in read_line(upstream.next())
    assert read_to_end_or_reset(person) == b"", "somebody answered"
    return False


def test_one_neighbourhood_cannot_crowd_others_out(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(max_connections=16, max_connections_per_address=2)
    scanner = [f"203.0.113.{number}" for number in (1, 1, 2, 2, 3, 3, 4, 4)]
    assert all(arrive(relay, upstream, address) for address in scanner)
    wait_for(lambda: relay.status["connections"] == 8, "half of the relay to be full")
    assert not arrive(relay, upstream, "203.0.113.5")
    for other in ("198.51.100.7", "203.0.114.5", "2001:db8:0:12::1", "2001:db8:0:13::1"):
        assert arrive(relay, upstream, other), other
    # One home with IPv6, however many addresses it takes.
    assert not arrive(relay, upstream, "2001:db8:0:14::1")
    assert arrive(relay, upstream, "2001:db8:0:112::1")
