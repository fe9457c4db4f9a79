"""A home with everything real in it, and only the provider of the name as a stand-in.

Relay, page, router service and name service run on the card, miniupnpd on the router, the browser on the neighbour's
computer, and a phone is outside.
"""

import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.claim import read_claim
from appliance.paths import Paths
from tests.home.household import CARD, OUTSIDE, PUBLIC, SEEN, STUN_PORT, Household
from tests.home.outside import Stun
from tests.name.provider import Provider
from tests.relay.running import wait_for

PAGE = f"http://{CARD}:8199"
SETTINGS = """\
[name]
check_ip = "http://127.0.0.1:{provider}/ip"
[router]
outside_look = ["{outside}:{stun}"]
[relay]
workers = 1
[relay.upstream]
chat = ["127.0.0.1:{upstream}"]
http = ["127.0.0.1:{upstream}"]
media = ["127.0.0.1:{upstream}"]
allow_private = true
"""


class Card:
    """The card's programs.

    Attributes:
        paths: where they keep their files.
        provider: the stand-in for a dynamic-DNS provider, on the card's own loopback.
    """

    def __init__(self, home: Household, folder: Path) -> None:
        self.home = home
        self.paths = Paths(folder / "porchlight.toml", folder / "state", folder / "run")
        self.provider: Provider = home.inside("card", Provider)
        self._folder = folder
        self._upstream = home.inside("card", lambda: socket.create_server(("127.0.0.1", 0)))
        for one in ("relay", "lights", "router", "name", "certificate", "page"):
            (self.paths.run / one).mkdir(parents=True)

    def start(self) -> None:
        """Start everything and wait until the page answers."""
        for serve in (self._answer, lambda: self.provider.serve_forever(poll_interval=0.05)):
            threading.Thread(target=serve, daemon=True).start()
        ports = {"provider": self.provider.port, "upstream": self._upstream.getsockname()[1]}
        self.paths.owner_file.write_text(SETTINGS.format(outside=OUTSIDE, stun=STUN_PORT, **ports))
        places = ["--settings", self.paths.owner_file, "--state", self.paths.state, "--run", self.paths.run]
        self._programs = [
            self.home.start("card", sys.executable, "-m", "appliance", *what, *map(str, places), log=f"{what[0]}.log")
            for what in (("relay",), ("page",), ("router",), ("name",), ("lights", "--terminal"))
        ]
        wait_for(self._answers, f"the page answers; {self.said('page')}", 60)

    def stop(self) -> None:
        """End everything."""
        for one in self._programs:
            one.send_signal(signal.SIGTERM)
        for one in self._programs:
            try:
                one.wait(15)
            except subprocess.TimeoutExpired:
                one.kill()
        self.provider.closing.set()
        self.provider.shutdown()
        self.provider.server_close()
        self._upstream.close()

    def said(self, what: str) -> str:
        """What a program has logged."""
        log = self._folder / f"{what}.log"
        return log.read_text() if log.exists() else ""

    @property
    def code(self) -> str:
        """The claim code."""
        known = read_claim(self.paths)
        return known.code if known else ""

    def knock(self, path: str, port: int = 443) -> bytes:
        """Open a link on a phone outside, which does not ask who made the certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self.home.connect(port) as plain, context.wrap_socket(plain) as tls:
            tls.sendall(f"GET {path} HTTP/1.1\r\nHost: {SEEN}\r\n\r\n".encode())
            return b"".join(iter(lambda: tls.recv(4096), b""))

    def _answers(self) -> bool:
        try:
            self.home.inside("neighbour", lambda: socket.create_connection((CARD, 8199), 1)).close()
        except OSError:
            return False
        return True

    def _answer(self) -> None:
        """WhatsApp, as far as the relay's probes look: it listens."""
        while True:
            try:
                connection, _ = self._upstream.accept()
            except OSError:
                return
            connection.close()


@contextmanager
def living_home(folder: Path) -> Iterator[Card]:
    """A home that runs."""
    with Household(folder, PUBLIC) as home:
        stun = Stun(home)
        home.translate()
        home.start_daemon()
        card = Card(home, folder)
        card.start()
        try:
            yield card
        finally:
            card.stop()
            stun.close()


def browser_program(home: Household, chromium: Path, folder: Path) -> Path:
    """A program that starts the browser on the neighbour's computer."""
    program = folder / "browser"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {home.room("neighbour")} {chromium} "$@"\n')
    program.chmod(0o700)
    return program
