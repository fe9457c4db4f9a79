"""The last thing that the lights show: the plug may be pulled.

``python3 -m appliance.lights.unplug`` runs as root when systemd has ended every process and unmounted everything that
it can (systemd-shutdown(8), /usr/lib/systemd/system-shutdown/), just before the board is switched off. Only then is it
true. The settings file is out of reach by then; the lights' process has left its settings in memory.
"""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path

from appliance.cli.main import add_path_options, paths_of
from appliance.clock import since_boot
from appliance.files import UNREADABLE, write_atomically
from appliance.lights.board_light import LEDS
from appliance.lights.fixture import Fixture
from appliance.lights.scenes import of_state
from appliance.lights.sockets import sockets_of
from appliance.settings.declared import LightsSettings
from appliance.status.state import State

# The processes' own view, with the options of each file system after the dash (proc_pid_mountinfo(5)).
MOUNTS = Path("/proc/self/mountinfo")
# Seconds. A power-off waits so long, so that somebody in the room can see it; then all is dark, which is as safe.
SHOWN_FOR = 10.0
# Full: dimming takes a thread, and after a halt there is none.
FULL = 100


def leave_word(path: Path, settings: LightsSettings) -> None:
    """Leave the settings for the last moment; done by the lights' process when it ends.

    Args:
        path: ``Paths.lights_farewell``.
        settings: the owner's.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(asdict(settings)).encode(), durable=False)


def read_word(path: Path) -> LightsSettings | None:
    """The settings that were left, or None when there are none, or damaged ones.

    Args:
        path: ``Paths.lights_farewell``; another user writes it, so that every value is checked again.
    """
    try:
        raw = json.loads(path.read_bytes())
        return LightsSettings(**{one.name: one.metadata["kind"].read(raw[one.name]) for one in fields(LightsSettings)})
    except UNREADABLE:
        return None


def still_written(mounts: str) -> list[str]:
    """Where a disk is still mounted for writing: pulling the plug could lose something.

    Args:
        mounts: what ``MOUNTS`` holds.
    """
    found = []
    for line in mounts.splitlines():
        here, _dash, there = line.partition(" - ")
        words, system = here.split(), there.split()
        if len(words) < 6 or len(system) < 3:
            continue
        # What counts is the file system itself; one of its places may be read-only by itself.
        if system[1].startswith("/dev/") and "rw" in system[2].split(","):
            found.append(words[4])
    return found


def main() -> int:
    """Show it; 0 when it was shown or nobody wants to see it, 1 when it is not true."""
    parser = argparse.ArgumentParser(prog="python3 -m appliance.lights.unplug")
    parser.add_argument("how", choices=("poweroff", "halt"), help="what happens to the board then")
    add_path_options(parser)
    parser.add_argument("--mounts", type=Path, default=MOUNTS)
    parser.add_argument("--leds", type=Path, default=LEDS)
    parser.add_argument("--seconds", type=float, default=SHOWN_FOR)
    options = parser.parse_args()
    paths = paths_of(options)
    settings = read_word(paths.lights_farewell)
    if settings is None or not settings.enabled:
        return 0
    if busy := still_written(options.mounts.read_text()):
        print(f"porchlight: Not safe to unplug yet: {', '.join(busy)} could not be unmounted.", file=sys.stderr)
        return 1
    fixtures = [Fixture(socket, print) for socket in sockets_of(paths.lights_status.parent, options.leds)]
    scene, begun = of_state(State.SAFE_TO_UNPLUG), since_boot()
    while (seconds := since_boot() - begun) < options.seconds:
        for fixture in fixtures:
            fixture.use(settings, since_boot())
        changes = [fixture.play(scene, seconds, FULL, since_boot(), soft=False) for fixture in fixtures]
        left = options.seconds - seconds
        time.sleep(max(0.0, min([left, *(change for change in changes if change is not None)])))
    if options.how == "halt":
        _stay()
    for fixture in fixtures:
        fixture.release()
    return 0


def _stay() -> None:
    """Leave a process behind that holds the pins for as long as there is power: a halted board lights them on."""
    if os.fork():
        os._exit(0)
    os.setsid()
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
