"""Whether there is memory for newcomers, by what the kernel says."""

import os
import resource
from pathlib import Path

import pytest

from appliance.relay.memory import LOOK_AFTER, OWN_TO_SPARE, PART_TO_SPARE, Memory, available, data_of

MEMINFO = b"MemTotal:         440000 kB\nMemFree:           20000 kB\nMemAvailable:     120000 kB\nBuffers:  1 kB\n"


def test_the_kernel_s_files_are_understood() -> None:
    assert available(MEMINFO) == 120_000 * 1024
    with Path("/proc/meminfo").open("rb") as file:
        assert 0 < available(file.read(256)) < 1 << 50
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    data = sum(int(lines[name].split()[0]) * 1024 for name in ("VmData", "VmStk"))
    assert abs(data_of(Path("/proc/self/statm").read_bytes()) * resource.getpagesize() - data) < 4 << 20


def test_a_device_with_little_left_takes_nobody() -> None:
    with Path("/proc/meminfo").open("rb") as file:
        left = available(file.read(256))
    plenty, little = Memory(left // 2), Memory(left * PART_TO_SPARE * 2)
    for one in (plenty, little):
        one.look()
    assert plenty.has_room(0)
    assert not little.has_room(10)
    # For as many as there were then there is still room: what they leave behind serves the next ones.
    assert little.has_room(9)
    assert not little.has_room(10)


def test_it_looks_by_itself_after_some_newcomers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Memory(0)
    found.look()
    limit = data_of(Path("/proc/self/statm").read_bytes()) * resource.getpagesize() + OWN_TO_SPARE // 2
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    assert [found.has_room(opened) for opened in range(LOOK_AFTER)] == [True] * (LOOK_AFTER - 1) + [False]
    monkeypatch.undo()
    found.look()
    assert found.has_room(LOOK_AFTER)


def test_it_holds_two_descriptors_and_no_more() -> None:
    before = len(os.listdir("/proc/self/fd"))
    found = Memory(0)
    for _ in range(3):
        found.look()
    assert len(os.listdir("/proc/self/fd")) == before + 2
