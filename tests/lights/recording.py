"""What the tests of the lights share: a clock that is turned by hand, a board that records, and real processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import PinsError
from appliance.lights.language import DARK, Frame
from appliance.lights.pins import load_pins
from appliance.paths import Paths
from appliance.status.state import State

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
PINS = load_pins()


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class RecordingBoard:
    """Writes down every change of a light as (time, pin, value), and every state that began."""

    clock: Clock
    transcript: list[tuple[float, int, int]] = field(default_factory=list)
    begun: list[tuple[float, State]] = field(default_factory=list)
    closed: bool = False
    trouble: str = ""
    shown: Frame = DARK

    def begin(self, state: State) -> None:
        self.begun.append((round(self.clock.now, 3), state))

    def show(self, frame: Frame) -> None:
        if self.trouble:
            raise PinsError(self.trouble)
        for pin, before, after in zip(PINS.gpios, self.shown, frame, strict=True):
            if before != after:
                self.transcript.append((round(self.clock.now, 3), pin, int(after)))
        self.shown = frame

    def close(self) -> None:
        self.closed = True


def wait_until(
    clock: Clock, end: float, happens: Callable[[float], None] = lambda now: None
) -> Callable[[float], bool]:
    """A ``wait`` for the loop that turns the clock on, and says stop at ``end``."""

    def wait(seconds: float) -> bool:
        if clock.now + seconds >= end:
            clock.now = max(clock.now, end)
            return True
        clock.now += seconds
        happens(clock.now)
        return False

    return wait


@contextmanager
def lights_process(
    paths: Paths, transcript: Path, *, before: tuple[str, ...] = (), **environment: str
) -> Iterator["subprocess.Popen[str]"]:
    """The real ``porchlight lights``, whose RPi.GPIO is the stand-in."""
    command = [*before, sys.executable, "-W", "error", "-m", "appliance", "lights", "--settings", str(paths.owner_file)]
    process = subprocess.Popen(
        [*command, "--state", str(paths.state), "--run", str(paths.run)],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{STAND_IN}",
            "PORCHLIGHT_TRANSCRIPT": str(transcript),
            **environment,
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_transcript(path: Path) -> list[tuple[float, int, int]]:
    """What the stand-in wrote: (seconds since boot, pin, value)."""
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text().splitlines() if line.endswith("]")]


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something; returns how many seconds it took."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if condition():
            return time.monotonic() - begun
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} seconds: {what}")
