"""``porchlight name``: keeps the relay's name right, through inadyn, until it is told to stop."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from sdnotify import SystemdNotifier

from appliance.cli.main import add_path_options, paths_of
from appliance.errors import PorchlightError
from appliance.name.service import Service

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every service shares."""
    add_path_options(parser)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal says stop."""
    paths = paths_of(options)
    try:
        Service(paths, notify=notifier(), say=say).run(until_signal())
    except OSError as error:
        raise PorchlightError(
            f"The folder {paths.name_status.parent} cannot be made ({error.strerror}).",
            "The name service cannot start; the relay does not need it.",
            "Choose another one with --run, or start it as the service does.",
        ) from None
    return 0


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
