"""``porchlight lights``: shows on the lights how the relay is doing."""

import argparse
import os
import signal
import sys
from collections.abc import Callable

from sdnotify import SystemdNotifier

from appliance.cli.main import add_path_options, paths_of
from appliance.errors import PinsError
from appliance.lights.board import Board, GpioBoard
from appliance.lights.pins import load_pins
from appliance.lights.service import Lights
from appliance.lights.terminal import TerminalBoard
from appliance.paths import Paths
from appliance.status.gather import Watch

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the files are, and where to draw."""
    add_path_options(parser)
    parser.add_argument("--terminal", action="store_true", help="draw the lights in this terminal, use no pins")


def run(options: argparse.Namespace) -> int:
    """Show the lights until a signal says stop."""
    # Blocked and waited for instead of handled: a signal then ends the sleep at once, between two steps, and never
    # in the middle of one. It comes first, so that the thread that lgpio starts is not interrupted either.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    places = paths_of(options)
    # lgpio changes the working directory.
    paths = Paths(places.owner_file.absolute(), places.state.absolute(), places.run.absolute())
    folder = paths.lights_status.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PinsError(
            f"The folder {folder} cannot be made ({error.strerror}).",
            "The lights cannot start.",
            "Choose another one with --run, or start them as the service does.",
        ) from None

    def open_board() -> Board:
        return TerminalBoard(sys.stdout) if options.terminal else GpioBoard(load_pins(), folder)

    Lights(paths, Watch(paths), open_board, notify=_notifier(), say=_say).run(_wait)
    return 0


def _notifier() -> Callable[[str], object]:
    # Without a service manager sdnotify 0.3.2 leaves a socket open behind itself.
    return SystemdNotifier().notify if "NOTIFY_SOCKET" in os.environ else lambda message: None


def _wait(seconds: float) -> bool:
    return signal.sigtimedwait(ENDING, seconds) is not None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
