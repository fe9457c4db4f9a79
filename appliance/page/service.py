"""The running setup page: follows the home network, tells systemd that it is alive, ends when told to."""

import logging
import os
import signal
from collections.abc import Callable, Sequence

import gevent
from flask import Flask
from gevent.event import Event
from sdnotify import SystemdNotifier

from appliance import claim
from appliance.clock import since_boot, told
from appliance.errors import PorchlightError
from appliance.history.keeper import Keeper
from appliance.memory import Tidy
from appliance.network.home import Home, look
from appliance.page.app import create_app
from appliance.page.doors import Doors, wanted_addresses
from appliance.page.owner import tell
from appliance.page.porch import Porch
from appliance.page.shielding import Shield
from appliance.paths import Paths
from appliance.settings import backup, load
from appliance.settings.save import part
from appliance.status import relay
from appliance.status.gather import Watch
from appliance.status.screen import Screen
from appliance.update import record
from appliance.update.record import Outcome

log = logging.getLogger("porchlight.page")

# Seconds between two looks at the network: how long the page may lag behind a changed address or gateway.
LOOK_EVERY = 2.0


class Service:
    """The setup page as a service.

    Args:
        paths: where this instance keeps its files.
        listen: addresses, instead of the settings'.
        port: the port, instead of the settings'.
    """

    def __init__(self, paths: Paths, *, listen: Sequence[str] = (), port: int | None = None) -> None:
        settings = load(paths).settings.page
        self._paths = paths
        self._listen = tuple(listen or settings.listen)
        self._port = port or settings.port
        self._allow_gateway = settings.allow_gateway
        self._home = look()
        self._watch = Watch(paths)
        self._screen = Screen(paths, self._watch)
        self._shield = Shield(paths)
        self._complained = False
        self._blind = False
        self._history = Keeper(paths, since_boot())
        self._ended = Event()
        self._tidy = Tidy()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises:
            PorchlightError: the page's own folder cannot be written.
        """
        watching = [gevent.signal_handler(number, self._ended.set) for number in (signal.SIGTERM, signal.SIGINT)]
        notify = _notifier()
        doors = Doors(self._application(), self._port, self._is_inside)
        doors.follow(wanted_addresses(self._home, self._listen))
        self._tell()
        self._follow_history()
        notify("READY=1")
        try:
            while not self._ended.wait(LOOK_EVERY):
                self._look()
                doors.follow(wanted_addresses(self._home, self._listen))
                self._tell()
                self._follow_history()
                notify("WATCHDOG=1")
                self._tidy.turn()
        finally:
            notify("STOPPING=1")
            self._follow_history()
            self._history.close()
            doors.close()
            for one in watching:
                one.cancel()

    def _look(self) -> None:
        try:
            self._home = look()
        except OSError as error:
            # No descriptor is left to ask the kernel with: what was known a moment ago is still right.
            if not self._blind:
                log.error("The home network cannot be looked at (%s); it is tried again.", error.strerror)
            self._blind = True
        else:
            self._blind = False

    def _tell(self) -> None:
        """Tell the lights whether this card has an owner, and the screen everything."""
        try:
            self._paths.page_status.parent.mkdir(parents=True, exist_ok=True)
            tell(self._paths)
            self._shield.follow(self._home)
        except OSError as error:
            if not self._complained:
                log.error("The page's status cannot be written (%s); the lights do not know who owns this.", error)
            self._complained = True
        else:
            self._complained = False
        self._screen.follow()

    def _follow_history(self) -> None:
        self._history.turn(relay.read(self._paths.relay_status), since_boot(), told())

    def _application(self) -> Flask:
        paths = self._paths
        try:
            backup.finish(paths)
            put_away_secrets(paths)
            # On the card a service of its own did this before us, as root; anywhere else nobody did.
            claim.prepare(paths)
            porch = Porch(paths, self._home_now, self._watch, self._port)
            return create_app(paths, porch=porch)
        except OSError as error:
            raise PorchlightError(
                f"The folder {paths.page_state} cannot be written ({error.strerror}).",
                "The setup page cannot start; the relay does not need it.",
                "Choose another folder with --state, or flash the card again if this is the card.",
            ) from error

    def _home_now(self) -> Home:
        return self._home

    def _is_inside(self, peer: str) -> bool:
        return self._home.is_inside(peer, allow_gateway=self._allow_gateway)


def put_away_secrets(paths: Paths) -> None:
    """Take secrets out of what every service reads, if an earlier version has saved any there.

    Never in a trial: if that fails, the former version goes on, which finds them in no other place.

    Args:
        paths: where this instance keeps its files.
    """
    tried = record.read(paths.update_record)
    if tried and tried.outcome in (Outcome.WRITING, Outcome.TRIAL):
        return
    try:
        part(paths)
    except OSError as error:
        log.warning("A secret of the saved settings stays where all services can read it (%s).", error.strerror)


def _notifier() -> Callable[[str], object]:
    # Without a service manager sdnotify 0.3.2 leaves a socket open behind itself.
    return SystemdNotifier().notify if "NOTIFY_SOCKET" in os.environ else lambda message: None
