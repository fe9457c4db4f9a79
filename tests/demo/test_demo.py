"""The one command, as a person runs it: real processes, real ports, a real terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lights.recording import ROOT, eventually

COMMAND = [sys.executable, "-W", "error", "-m", "appliance", "demo"]
WORKS = {f"self-test: {name}: works" for name in ("chat in TLS", "chat", "media", "setup page", "lights")}


def environment(temporary: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "TERM": "xterm"}


def processes_of(temporary: Path) -> list[int]:
    """Every process of a demo, found by its environment; the stand-in for WhatsApp's servers names no folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TMPDIR={temporary}".encode() in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            # It ended in between, or it is somebody else's.
            continue
    return found


@dataclass
class Demo:
    """A running demo, and what it has said so far."""

    process: "subprocess.Popen[bytes]"
    said: bytes = b""

    def read_until(self, pattern: str, seconds: float) -> str:
        """Read until a whole line matches, whether it has come before or not; returns everything read so far.

        Not by readline(): of several lines that come at once it gives one, and select() knows nothing of the others.
        """
        assert self.process.stdout is not None
        deadline, more = time.monotonic() + seconds, True
        while more and not re.search(f"{pattern}.*\n", self.said.decode(errors="replace")):
            more = time.monotonic() < deadline
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                self.said += data
                more = more and bool(data)
        text = self.said.decode(errors="replace")
        assert re.search(f"{pattern}.*\n", text), f"no line like {pattern!r} in:\n{text}"
        return text


@contextmanager
def demo(temporary: Path, *options: str) -> Iterator[Demo]:
    """A running demo."""
    process = subprocess.Popen(
        [*COMMAND, *options],
        env=environment(temporary),
        cwd=temporary,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Demo(process)
    finally:
        process.kill()
        process.communicate()
        eventually(lambda: processes_of(temporary) == [], 15, "everything has ended")


@pytest.mark.costly
def test_the_self_test(tmp_path: Path) -> None:
    """From a folder of its own, without a settings file, without a terminal: every byte comes back."""
    done = subprocess.run(
        [*COMMAND, "--self-test"], env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert set(done.stdout.splitlines()) >= WORKS
    assert re.search(r"setup page +http://127\.0\.0\.1:\d+/", done.stdout)
    assert re.search(r"claim code +[2-9A-Z]{4}-[2-9A-Z]{4}", done.stdout)
    assert re.search(r"share link +https://wa\.me/proxy\?host=127\.0\.0\.1&chatPort=\d+&mediaPort=\d+", done.stdout)
    assert "no message goes anywhere" in done.stdout
    assert list(tmp_path.iterdir()) == [], "the demo leaves something behind"
    assert processes_of(tmp_path) == []


@pytest.mark.slow
def test_a_folder_of_ones_own_is_kept_and_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for _turn in range(2):
        done = subprocess.run(
            [*COMMAND, "--self-test", "--folder", "mine"],
            env=environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert (folder / "porchlight.toml").is_file()
        assert processes_of(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_everything(tmp_path: Path, number: int) -> None:
    with demo(tmp_path) as running:
        running.read_until("lights: waiting-to-be-claimed", 60)
        assert len(processes_of(tmp_path)) >= 5
        running.process.send_signal(number)
        assert running.process.wait(15) == 0
        assert processes_of(tmp_path) == []
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_demo_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        running.read_until("lights: waiting-to-be-claimed", 60)
        assert len(processes_of(tmp_path)) >= 5
        running.process.kill()
        running.process.wait()
        eventually(lambda: processes_of(tmp_path) == [], 15, "everything has ended")


@pytest.mark.slow
def test_the_lights_show_a_relay_that_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path) as running:
        text = running.read_until("lights: waiting-to-be-claimed", 60)
        found = re.search(r"kill (\d+): the relay ends", text)
        assert found is not None
        # One that the machine held up may have been shown as stopped for a moment before.
        running.said = b""
        os.kill(int(found[1]), signal.SIGKILL)
        # Two programs say this, in either order.
        running.read_until("relay has ended", 5)
        running.read_until("lights: stopped", 5)
        assert running.process.poll() is None


def test_one_pattern_in_a_terminal(tmp_path: Path) -> None:
    """Drawn anew in the same line, with as many lit dots as the pattern has at that moment."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "--state", "needs-attention"], env=environment(tmp_path), stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn = b""
    try:
        deadline = time.monotonic() + 60
        # With the seventh, the sixth has come whole.
        while drawn.count(b"needs-attention") < 7 and time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                drawn += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    lines = drawn.decode().split("\r\x1b[2K")[1:7]
    assert [line.count("●") for line in lines] == [2, 1, 2, 1, 2, 1]
    assert all("something needs you" in line for line in lines)


def test_a_state_that_does_not_exist(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--state", "sunshine"], env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "upstream-unreachable" in done.stderr
