"""A stand-in for the library that drives the pins: it writes down what was asked of it, and when.

Put this folder's parent on the module search path, and name the transcript in PORCHLIGHT_TRANSCRIPT. Each line is
(seconds since boot, pin, value): 0 and 1 as they are set, the duty cycle as a negative number below -1 while the pin is
switched very fast, and -1 for a pin that is let go. PORCHLIGHT_PINS_BUSY names a file; while it exists, another program
holds the pins. PORCHLIGHT_BUTTON names a file; while it exists, every pin that is read is connected to ground.
"""

import json
import os
import time
from pathlib import Path

BCM, OUT, IN, PUD_UP, PUD_OFF = 11, 0, 1, 22, 20
lgpio = "what stands behind the library on the card"
_transcript = Path(os.environ["PORCHLIGHT_TRANSCRIPT"])
_claimed: set[int] = set()
_read: set[int] = set()
_mode: list[int] = []


def setwarnings(value: bool) -> None:
    """Warnings are not recorded."""


def setmode(mode: int) -> None:
    """Choose the chip's own numbers; anything else is a mistake here."""
    if mode != BCM:
        raise ValueError("An invalid mode was passed to setmode()")
    _mode.append(mode)


def setup(channel: int, direction: int, pull_up_down: int = PUD_OFF, initial: bool | None = None) -> None:
    """Claim a pin."""
    if not _mode:
        raise RuntimeError("Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or GPIO.setmode(GPIO.BCM)")
    if Path(os.environ.get("PORCHLIGHT_PINS_BUSY", "/nonexistent")).exists():
        # lgpio's words, and its way of quoting them.
        raise RuntimeError("'GPIO busy'")
    if direction == IN:
        if pull_up_down != PUD_UP:
            raise ValueError("a button without a pull-up reads anything")
        _read.add(channel)
        return
    if direction != OUT:
        raise ValueError("An invalid direction was passed to setup()")
    _claimed.add(channel)
    _write(channel, int(initial or 0))


def output(channel: int, value: bool) -> None:
    """Set a pin that was claimed."""
    if channel not in _claimed:
        raise RuntimeError("You must setup() the GPIO channel as an output first")
    _write(channel, int(value))


def input(channel: int) -> int:
    """Read a pin that was claimed."""
    if channel not in _read:
        raise RuntimeError("You must setup() the GPIO channel first")
    return int(not Path(os.environ.get("PORCHLIGHT_BUTTON", "/nonexistent")).exists())


class PWM:
    """A pin that is switched very fast."""

    def __init__(self, channel: int, frequency: float) -> None:
        if channel not in _claimed or frequency <= 0:
            raise RuntimeError("You must setup() the GPIO channel as an output first")
        self._channel = channel

    def start(self, duty: float) -> None:
        """Begin."""
        self.ChangeDutyCycle(duty)

    def ChangeDutyCycle(self, duty: float) -> None:
        """Another share of the time."""
        if not 0 <= duty <= 100:
            raise ValueError("dutycycle must have a value from 0.0 to 100.0")
        _write(self._channel, -round(duty) - 1)

    def stop(self) -> None:
        """The library leaves the pin low."""
        _write(self._channel, 0)


def cleanup() -> None:
    """Let go of every pin."""
    for channel in sorted(_claimed):
        _write(channel, -1)
    _claimed.clear()
    _read.clear()
    _mode.clear()


def _write(channel: int, value: int) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    with _transcript.open("a") as file:
        file.write(json.dumps([now, channel, value]) + "\n")
