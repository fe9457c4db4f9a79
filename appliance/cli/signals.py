"""What the small services share: the end by a signal, the word to the service manager, one line for the log."""

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from sdnotify import SystemdNotifier

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def until_signal() -> int:
    """A descriptor with something to read as soon as a signal says stop."""
    reading, writing = os.pipe()

    def end(number: int, frame: FrameType | None) -> None:
        os.write(writing, b".")

    for number in ENDING:
        signal.signal(number, end)
    return reading


def notifier() -> Callable[[str], object]:
    """What speaks to the service manager, if there is one."""
    # Without a service manager sdnotify 0.3.2 leaves a socket open behind itself.
    return SystemdNotifier().notify if "NOTIFY_SOCKET" in os.environ else lambda message: None


def say(line: str) -> None:
    """One line for the log."""
    print(line, file=sys.stderr, flush=True)
