"""The card in a home: the real ``porchlight router``, ``relay`` and ``page``, with settings of the test's choice."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.clock import since_boot
from appliance.network.verdict import Verdict
from appliance.paths import Paths
from appliance.status.router import RouterStatus, read
from tests.home.household import OUTSIDE, STUN_PORT, Household
from tests.relay.running import wait_for

# Seconds: what the issue promises for a verdict and for a withdrawal, from the program's start to the status.
PROMISED = 10.0
# Seconds that a busy machine may take to start Python.
START = 15.0


class Card:
    """porchlight in the room ``card``.

    Args:
        home: the household.
        folder: for settings, state and status.
        router: settings of ``[router]`` besides the usual ones.
        relay: settings of ``[relay]``.
    """

    def __init__(self, home: Household, folder: Path, router: dict[str, object] | None = None, **relay: object) -> None:
        self._home = home
        folder.mkdir()
        self.paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
        self.log = folder / "log"
        self._router = {"open_ports": True, "outside_look": [f"{OUTSIDE}:{STUN_PORT}"], **(router or {})}
        self._relay = relay
        self._page: dict[str, object] = {}
        # A name server for the card alone; None for that of this machine.
        self.resolv: Path | None = None
        self._service: subprocess.Popen[bytes] | None = None
        self.write()

    def write(self, **router: object) -> None:
        """Write the settings anew, with changes."""
        self._router |= router
        lines = ["[router]", *(f"{name} = {json.dumps(value)}" for name, value in self._router.items())]
        lines += ["[relay]", *(f"{name} = {json.dumps(value)}" for name, value in self._relay.items())]
        lines += ["[page]", *(f"{name} = {json.dumps(value)}" for name, value in self._page.items())]
        # A relay of a test takes people to its own upstream, on the card itself.
        lines += ["[relay.upstream]", "allow_private = true"]
        lines += [f'{name} = ["127.0.0.1:6000"]' for name in ("chat", "http", "media")]
        fresh = self.paths.owner_file.with_suffix(".new")
        fresh.write_text("\n".join(lines))
        fresh.rename(self.paths.owner_file)

    def write_page(self, **page: object) -> None:
        """Write the settings anew, with these of ``[page]``."""
        self._page |= page
        self.write()

    def start(self, what: str = "router") -> subprocess.Popen[bytes]:
        """Start one of porchlight's programs."""
        places = ["--settings", self.paths.owner_file, "--state", self.paths.state, "--run", self.paths.run]
        command = [sys.executable, "-m", "appliance", what, *map(str, places)]
        if self.resolv:
            # "ip netns exec" gives the command mounts of its own.
            command = ["sh", "-ec", 'mount --bind "$0" /etc/resolv.conf; exec "$@"', str(self.resolv), *command]
        program = self._home.start("card", *command, log=str(self.log))
        if what == "router":
            self._service = program
        return program

    @property
    def status(self) -> RouterStatus | None:
        """What the service says now."""
        return read(self.paths.router_status, since_boot())

    def when(self, condition: Callable[[RouterStatus], bool], what: str, limit: float = START) -> RouterStatus:
        """Wait for a status."""

        def look() -> RouterStatus | None:
            found = self.status
            return found if found and condition(found) else None

        try:
            found = wait_for(look, what, limit)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.status}\n{self.log.read_text()}") from None
        assert isinstance(found, RouterStatus)
        return found

    def verdict(self) -> RouterStatus:
        """The first verdict, within the promised time from the moment when the service speaks."""
        begun = self.when(lambda status: True, "the service to speak").written
        found = self.when(lambda status: status.verdict is not Verdict.LOOKING, "a verdict")
        assert found.written - begun <= PROMISED
        return found

    @property
    def service(self) -> subprocess.Popen[bytes]:
        """The process of ``porchlight router`` that was started last."""
        assert self._service
        return self._service

    def stop(self) -> None:
        """End the service as systemd does, within the promised time."""
        self.service.send_signal(signal.SIGTERM)
        assert self.service.wait(PROMISED) == 0, self.log.read_text()
