"""``porchlight lights``: shows on the lights how the relay is doing, or walks through all that they can show."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sdnotify import SystemdNotifier

from appliance.cli.main import add_path_options, paths_of
from appliance.clock import since_boot
from appliance.errors import PinsError
from appliance.lights.board_light import LEDS
from appliance.lights.fixture import Fixture, Socket
from appliance.lights.scenes import walk
from appliance.lights.service import Lights
from appliance.lights.sockets import sockets_of
from appliance.lights.terminal import TerminalBoard
from appliance.memory import Tidy
from appliance.paths import Paths
from appliance.settings.declared import LightsSettings
from appliance.settings.load import load
from appliance.status.gather import Watch

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Where the files are, and where to draw."""
    add_path_options(parser)
    parser.add_argument("--terminal", action="store_true", help="draw the lights in this terminal, use no pins")
    parser.add_argument("--test", action="store_true", help="show all patterns one after the other, and name each")
    parser.add_argument(
        "--leds",
        type=Path,
        metavar="FOLDER",
        default=LEDS,
        help="the kernel's folder of LEDs (%(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Show the lights until a signal says stop, or until all patterns were shown."""
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
    sockets = _terminal() if options.terminal else sockets_of(folder, options.leds.absolute())
    if options.test:
        return _test(sockets, load(paths).settings.lights)
    tidy = Tidy()

    def wait(seconds: float) -> bool:
        tidy.turn()
        return _wait(seconds)

    Lights(paths, Watch(paths), sockets, notify=_notifier(), say=_say).run(wait)
    return 0


def _terminal() -> tuple[Socket, ...]:
    return (Socket(lambda settings: settings.enabled, lambda settings: TerminalBoard(sys.stdout)),)


def _test(sockets: Sequence[Socket], settings: LightsSettings) -> int:
    """Walk through all patterns; 1 when there is nothing to show them on."""
    fixtures = [Fixture(socket, _say) for socket in sockets]
    try:
        for fixture in fixtures:
            fixture.use(settings, since_boot())
            if fixture.note:
                _say(f"lights: {fixture.note}")
        if not any(fixture.is_open for fixture in fixtures):
            _say("lights: There is nothing to show the patterns on. Draw them here with --terminal.")
            return 1
        for scene, lasts in walk():
            if not (len(fixtures) == 1 and sys.stdout.isatty()):
                print(f"{scene.name}: {scene.title}. {scene.three.looks}. (One light: {scene.one.looks}.)", flush=True)
            begun = now = since_boot()
            while now - begun < lasts:
                seconds = now - begun
                changes = [one.play(scene, seconds, settings.brightness, now, soft=settings.soft) for one in fixtures]
                pause = min((change for change in changes if change is not None), default=lasts)
                if _wait(max(0.0, min(pause, begun + lasts - since_boot()))):
                    return 0
                now = since_boot()
    finally:
        for fixture in fixtures:
            fixture.release()
    return 0


def _notifier() -> Callable[[str], object]:
    # Without a service manager sdnotify 0.3.2 leaves a socket open behind itself.
    return SystemdNotifier().notify if "NOTIFY_SOCKET" in os.environ else lambda message: None


def _wait(seconds: float) -> bool:
    return signal.sigtimedwait(ENDING, seconds) is not None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
