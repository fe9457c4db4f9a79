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

from appliance.clock import since_boot
from appliance.errors import PinsError
from appliance.lights.language import Frame, Pattern
from appliance.lights.pins import load_pins
from appliance.lights.scenes import Scene
from appliance.lights.shade import OFF, Levels
from appliance.paths import Paths
from appliance.text import Text, text

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).parent / "stand_in"
PINS = load_pins()
# Seconds: pins that change within the first are one frame; a change may come late by the second.
AT_ONCE, LATE = 0.02, 0.1


@dataclass
class Clock:
    """Time that passes only when somebody waits."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class RecordingBoard:
    """Writes down every change of a light as (time, pin, per cent), and every scene that began."""

    clock: Clock
    one_lamp: bool = False
    button: bool | None = None
    transcript: list[tuple[float, int, int]] = field(default_factory=list)
    begun: list[tuple[float, str]] = field(default_factory=list)
    closed: bool = False
    trouble: str = ""
    note: Text = field(default_factory=lambda: text(""))
    shown: Levels = OFF

    def begin(self, scene: Scene) -> None:
        self.begun.append((round(self.clock.now, 3), scene.name))

    def show(self, levels: Levels) -> None:
        if self.trouble:
            raise PinsError(self.trouble)
        for pin, before, after in zip(PINS.gpios, self.shown, levels, strict=True):
            if before != after:
                self.transcript.append((round(self.clock.now, 3), pin, after))
        self.shown = levels

    def pressed(self) -> bool | None:
        return self.button

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
    paths: Paths,
    transcript: Path,
    *options: str,
    before: tuple[str, ...] = (),
    leds: Path | None = None,
    **environment: str,
) -> Iterator["subprocess.Popen[str]"]:
    """The real ``porchlight lights``, whose RPi.GPIO is the stand-in, and whose board has a light of its own or not."""
    command = [*before, sys.executable, "-W", "error", "-m", "appliance", "lights", "--settings", str(paths.owner_file)]
    command += ["--state", str(paths.state), "--run", str(paths.run)]
    process = subprocess.Popen(
        [*command, "--leds", str(leds or paths.run / "no-leds"), *options],
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{STAND_IN}",
            "PORCHLIGHT_TRANSCRIPT": str(transcript),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def kernel_leds(folder: Path, name: str = "ACT", trigger: str = "none timer [heartbeat] mmc0") -> Path:
    """The kernel's folder of LEDs with one light in it, as files that anybody may write."""
    light = folder / "leds" / name
    light.mkdir(parents=True)
    (light / "trigger").write_text(trigger)
    (light / "brightness").write_text("0")
    return folder / "leds"


def read_transcript(path: Path) -> list[tuple[float, int, int]]:
    """What the stand-in wrote: (seconds since boot, pin, value)."""
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text().splitlines() if line.endswith("]")]


def has_period(played: list[tuple[float, Frame]], pattern: Pattern) -> bool:
    """Whether one whole period was played as it stands in the table: frame after frame, each at its time.

    A busy machine may hold the process up between two pins, or for more than a step; the next period shows it then.
    """
    if len(pattern.steps) == 1:
        return bool(played) and played[-1][1] == pattern.steps[0].frame and since_boot() - played[-1][0] > 1
    # When each step is due, and the first one of the next period.
    due = [sum(step.lasts for step in pattern.steps[:number]) / 1000 for number in range(len(pattern.steps) + 1)]
    frames = [step.frame for step in pattern.steps] + [pattern.steps[0].frame]
    for begin in range(len(played) - len(due) + 1):
        period = played[begin : begin + len(due)]
        if [lit for _now, lit in period] == frames:
            late = [now - period[0][0] - when for (now, _lit), when in zip(period, due, strict=True)]
            if max(map(abs, late)) <= LATE:
                return True
    return False


def replay(transcript: list[tuple[float, int, int]], since: float = 0) -> list[tuple[float, Frame]]:
    """The frames that the pins went through, each with the time at which it stood; changes at once are one."""
    level = dict.fromkeys(PINS.gpios, 0)
    frames: list[tuple[float, Frame]] = []
    for now, pin, value in transcript:
        level[pin] = max(value, 0)
        lit = Frame(*(bool(level[gpio]) for gpio in PINS.gpios))
        if frames and now - frames[-1][0] < AT_ONCE:
            frames.pop()
        frames.append((now, lit))
    return [one for one in frames if one[0] >= since]


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something; returns how many seconds it took."""
    begun = time.monotonic()
    while True:
        # Looked at the clock first: whoever was held up meanwhile looks at the condition once more.
        over = time.monotonic() - begun >= seconds
        if condition():
            return time.monotonic() - begun
        assert not over, f"not within {seconds} seconds: {what}"
        time.sleep(0.02)
