"""A stand-in for the library that drives the pins: it writes down what was asked of it, and when.

Put this folder's parent on the module search path, and name the transcript in PORCHLIGHT_TRANSCRIPT. Each line is
(seconds since boot, pin, value); a pin that is let go has the value -1. PORCHLIGHT_PINS_BUSY names a file; while it
exists, another program holds the pins.
"""

import json
import os
import time
from pathlib import Path

BCM, OUT = 11, 0
_transcript = Path(os.environ["PORCHLIGHT_TRANSCRIPT"])
_claimed: set[int] = set()
_mode: list[int] = []


def setwarnings(value: bool) -> None:
    """Warnings are not recorded."""


def setmode(mode: int) -> None:
    """Choose the chip's own numbers; anything else is a mistake here."""
    if mode != BCM:
        raise ValueError("An invalid mode was passed to setmode()")
    _mode.append(mode)


def setup(channel: int, direction: int, initial: bool) -> None:
    """Claim a pin for output."""
    if not _mode:
        raise RuntimeError("Please set pin numbering mode using GPIO.setmode(GPIO.BOARD) or GPIO.setmode(GPIO.BCM)")
    if Path(os.environ.get("PORCHLIGHT_PINS_BUSY", "/nonexistent")).exists():
        # lgpio's words, and its way of quoting them.
        raise RuntimeError("'GPIO busy'")
    if direction != OUT:
        raise ValueError("An invalid direction was passed to setup()")
    _claimed.add(channel)
    _write(channel, int(initial))


def output(channel: int, value: bool) -> None:
    """Set a pin that was claimed."""
    if channel not in _claimed:
        raise RuntimeError("You must setup() the GPIO channel as an output first")
    _write(channel, int(value))


def cleanup() -> None:
    """Let go of every pin."""
    for channel in sorted(_claimed):
        _write(channel, -1)
    _claimed.clear()
    _mode.clear()


def _write(channel: int, value: int) -> None:
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    with _transcript.open("a") as file:
        file.write(json.dumps([now, channel, value]) + "\n")
