"""``porchlight router``: asks the home router for the relay's ports, and says whether people can come in."""

import argparse
import os
import signal
import sys
from collections.abc import Callable

from sdnotify import SystemdNotifier

from appliance.cli.main import add_path_options, paths_of
from appliance.errors import PorchlightError
from appliance.router.service import RouterService

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the files are."""
    add_path_options(parser)


def run(options: argparse.Namespace) -> int:
    """Look after the ports until a signal says stop."""
    # Blocked and waited for instead of handled: a signal then ends a pause at once, and a round at its next step.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    paths = paths_of(options)
    for folder in (paths.router_status.parent, paths.router_state):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PorchlightError(
                f"The folder {folder} cannot be made ({error.strerror}).",
                "The router is not asked to open any port.",
                "Choose another one with --run or --state, or start it as the service does.",
            ) from None
    RouterService(paths, stopping=_stopping, notify=_notifier(), say=_say).run(_wait)
    return 0


def _notifier() -> Callable[[str], object]:
    # Without a service manager sdnotify 0.3.2 leaves a socket open behind itself.
    return SystemdNotifier().notify if "NOTIFY_SOCKET" in os.environ else lambda message: None


def _wait(seconds: float) -> bool:
    return signal.sigtimedwait(ENDING, seconds) is not None


def _stopping() -> bool:
    return bool(signal.sigpending().intersection(ENDING))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
