"""Work that may block, in a child that is killed when its time is over."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.router.aside import LONGEST, Aside
from appliance.router.patience import Patience


def fail() -> None:
    raise RuntimeError("on purpose")


def test_the_work_s_result_comes_back() -> None:
    assert Aside(lambda: {"outer": "80.100.100.1", "ports": [443]}, 10).result(Patience.of(10)) == {
        "outer": "80.100.100.1",
        "ports": [443],
    }


@pytest.mark.parametrize(
    "work",
    [fail, lambda: os._exit(3), lambda: object(), lambda: "x" * (LONGEST + 1)],
    ids=["an error", "a crash", "not JSON", "too long"],
)
def test_work_that_fails_is_no_result(work: object) -> None:
    assert Aside(work, 10).result(Patience.of(10)) is None  # type: ignore[arg-type]


def test_work_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "child"

    def work() -> None:
        note.write_text(str(os.getpid()))
        time.sleep(60)

    aside = Aside(work, 60)
    while not note.exists() or not note.read_text():
        time.sleep(0.01)
    assert aside.result(Patience.of(0.2)) is None
    assert not Path(f"/proc/{note.read_text()}").exists()


def test_a_stop_ends_the_work() -> None:
    begun = time.monotonic()
    assert Aside(lambda: time.sleep(60), 60).result(Patience.of(60, lambda: True)) is None
    assert time.monotonic() - begun < 30


def test_nothing_is_left_open() -> None:
    before = _open()
    for _ in range(3):
        Aside(lambda: 1, 10).result(Patience.of(10))
        Aside(lambda: time.sleep(60), 60).end()
    # What earlier tests have left may be closed meanwhile.
    assert _open() <= before


def _open() -> set[str]:
    """The pipes that this process has open, each by its own number."""
    found = set()
    for one in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.add(str(one.readlink()))
    return {one for one in found if one.startswith("pipe:")}
