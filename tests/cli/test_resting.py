"""Services that have nothing to do: the card's own small program takes their process over, and gives it back."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.settings import save
from tests.relay.running import wait_for

REST = Path(__file__).parent.parent.parent / "image/files/usr/lib/porchlight/rest"
NAMES = {"certificate": "relay.example.org", "name": "relay.example.org"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Where a card of the test keeps its files."""
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    found.owner_file.write_text("")
    for what in NAMES:
        (found.run / what).mkdir(parents=True)
    return found


@pytest.fixture(params=NAMES)
def service(request: pytest.FixtureRequest, paths: Paths) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """One service, started as its unit does; it must end by SIGTERM, resting or not."""
    what: str = request.param
    places = ["--settings", paths.owner_file, "--state", paths.state, "--run", paths.run]
    command = [sys.executable, "-m", "appliance", what, "--rest", REST, *places]
    program = subprocess.Popen([str(one) for one in command])
    yield what, program
    program.send_signal(signal.SIGTERM)
    assert program.wait(15) in (0, -signal.SIGTERM)


def rests(program: subprocess.Popen[bytes]) -> bool:
    """Whether a shell runs in its place."""
    return str(REST).encode() in Path(f"/proc/{program.pid}/cmdline").read_bytes().split(b"\0")[:2]


@pytest.mark.costly
def test_rests_until_the_settings_want_something(service: tuple[str, subprocess.Popen[bytes]], paths: Paths) -> None:
    what, program = service
    status = paths.run / what / "status.json"
    wait_for(lambda: rests(program), f"{what} to rest", 30)
    # A status that grew old would mean that the service has died.
    assert not status.exists()
    # What changes nothing for it wakes it, and it rests again.
    before = time.time_ns()
    save.save(paths, {"lights.brightness": 30})
    mark = paths.run / what / "resting"
    wait_for(lambda: mark.exists() and mark.stat().st_ctime_ns > before and rests(program), f"{what} to rest again", 30)
    save.save(paths, {"certificate.kind": "public", "share.domain": NAMES[what]})
    wait_for(status.exists, f"{what} to say how it is doing", 30)
    assert not rests(program)


def test_a_card_without_the_program_goes_on_as_ever(paths: Paths, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "appliance", "name", "--rest", tmp_path / "none", "--settings", paths.owner_file]
    command += ["--state", paths.state, "--run", paths.run]
    program = subprocess.Popen([str(one) for one in command])
    try:
        wait_for((paths.run / "name" / "status.json").exists, "the status", 30)
        # It was removed before the attempt to rest, and so this one is what came after that.
        first = (paths.run / "name" / "status.json").stat().st_mtime_ns
        wait_for(lambda: (paths.run / "name" / "status.json").stat().st_mtime_ns > first, "the next status", 30)
        assert program.poll() is None
    finally:
        program.terminate()
        assert program.wait(15) == 0
