"""How a service that has nothing to do gives its memory back: a small program takes its process over meanwhile.

The process stays the one that the service manager knows, so that nobody has to start anything: when the settings
change, that program runs the service's own command again (``image/files/usr/lib/porchlight/rest`` on the card).
"""

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance.files import Stamp

Rest = Callable[[Stamp | None], None]


def add_rest_option(parser: argparse.ArgumentParser) -> None:
    """The option that names the program."""
    parser.add_argument("--rest", type=Path, metavar="PROGRAM", help="what waits instead while there is nothing to do")


def resting(options: argparse.Namespace, settings: Path, status: Path, notify: Callable[[str], object]) -> Rest | None:
    """What a service calls when there is nothing to do.

    Args:
        options: with ``rest``.
        settings: the file that is waited for.
        status: the service's status file, which nobody keeps meanwhile.
        notify: speaks to the service manager.

    Returns:
        Takes what the settings file was when it was read; comes back only when the program cannot be run. None when
        no program was named.
    """
    program: Path | None = options.rest
    if program is None:
        return None
    watchdog = os.environ.get("WATCHDOG_USEC", "0")
    # The process may have rested before (sd_notify(3)).
    notify(f"WATCHDOG_USEC={watchdog}")

    def rest(seen: Stamp | None) -> None:
        mark = status.with_name("resting")
        with suppress(OSError):
            mark.unlink(missing_ok=True)
            if seen:
                mark.touch()
                os.utime(mark, ns=(seen[0], seen[0]))
            status.unlink(missing_ok=True)
            notify("READY=1")
            notify("WATCHDOG_USEC=0")
            os.execv(program, [str(program), str(settings), str(mark), *sys.orig_argv])  # noqa: S606 - the service's own
        notify(f"WATCHDOG_USEC={watchdog}")

    return rest
