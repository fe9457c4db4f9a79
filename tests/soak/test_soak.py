"""Half an hour of people coming and going on relay, page and lights: nothing grows, nothing stays, nobody is noted."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path

import pytest

from appliance.claim import read_claim
from tests.relay.running import wait_for
from tests.soak.growth import slope
from tests.soak.people import People
from tests.soak.traces import Search
from tests.soak.village import Village

pytestmark = [pytest.mark.long, pytest.mark.namespaces]

# What somebody does in a round, before everybody is gone and the processes are looked at.
ROUND = 150
# The first part of the time, in which caches fill and the allocator takes what it needs.
WARM_UP = 1 / 3
# MB an hour.
MOST_GROWTH = 1.0
LEAST_MINUTES = 10.0
# Descriptors that may differ, and seconds within which the others are back (docs/threats.md).
SLACK, BACK_WITHIN = 5, 10.0
# WhatsApp is gone in every round with this remainder.
WITHOUT_UPSTREAM = (10, 7)


@pytest.fixture
def village(tmp_path: Path) -> Iterator[Village]:
    with Village(tmp_path) as found:
        yield found


def test_nothing_grows_and_nobody_is_noted(village: Village, minutes: float, tmp_path: Path) -> None:
    people = People(village, seed=1)
    known = read_claim(village.paths)
    assert known
    village.people.submit(people.claim, known.code).result()
    begun = time.monotonic()
    ends = begun + minutes * 60
    looks: list[tuple[float, dict[str, tuple[int, int]]]] = []
    processes = village.processes()
    turn = 0
    while time.monotonic() < ends:
        turn += 1
        without = turn % WITHOUT_UPSTREAM[0] == WITHOUT_UPSTREAM[1]
        if without:
            village.close_upstream()
        done, _ = wait([village.people.submit(people.act) for _ in range(ROUND)])
        for one in done:
            one.result()
        if without:
            village.open_upstream()
        wait_for(village.is_at_rest, "everybody to be gone")
        # The page's visits and the relay's last closing sockets.
        time.sleep(1)
        assert village.processes() == processes, "a process has ended, and another one took its place"
        looks.append((time.monotonic() - begun, village.look()))
        # Beside what the programs may write, for whoever wants to see how it went.
        with (tmp_path / "looks.jsonl").open("a") as file:
            print(json.dumps(looks[-1]), file=file)
        assert Search(people.seen).below(village.writable) == []
    settled = [(at, look) for at, look in looks if at >= minutes * 60 * WARM_UP]
    before = settled[0][1]
    wait_for(
        lambda: all(abs(held - before[name][1]) <= SLACK for name, (_, held) in village.look().items()),
        "all descriptors to be back",
        BACK_WITHIN,
    )
    grown = {name: slope([(at, look[name][0]) for at, look in settled]) for name in processes}
    print(
        f"\n{minutes:g} minutes, {sum(people.done.values())} visits {people.done}, "
        f"{people.answered} answered, {len(people.seen)} addresses; "
        f"MB an hour: { {name: round(one, 2) for name, one in grown.items()} }; "
        f"KiB and descriptors first {looks[0][1]}, after the warm-up {before}, last {looks[-1][1]}"
    )
    talked = sum(people.done.get(one, 0) for one in ("chat", "media", "behind_a_balancer"))
    assert people.answered > talked / 2, "hardly anybody was served"
    _die_with_somebody_there(village, people)
    for name in village.programs:
        assert "Traceback" not in village.said(name), village.said(name)[-3000:]
    assert Search(people.seen).below(village.writable) == []
    # A shorter run shows the first minutes, in which caches fill, and no growth.
    assert minutes < LEAST_MINUTES or max(grown.values()) < MOST_GROWTH


def _die_with_somebody_there(village: Village, people: People) -> None:
    """A worker dies in the middle of somebody's stream: no core dump, and another worker takes its place."""
    source = "203.0.113.200"
    people.seen.add(source)
    connection = village.people.submit(village.connect, source, 5222).result()
    with connection:
        connection.sendall(b"WA\x06\x03 in the middle of something")
        assert connection.recv(4096)
        (former,) = village.workers()
        os.kill(former, signal.SIGABRT)
        wait_for(lambda: village.workers() not in ([], [former]), "another worker")
