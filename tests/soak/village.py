"""A card with relay, page and lights, and a village of people around it: one namespace, hundreds of addresses.

Everybody but the card is only an address that the kernel accepts as its own (a local route, "AnyIP"), as in
``tests/relay/street.py``. The programs see a file system that is read-only, as on the card, except for the one folder
that holds all that they may write: data, /run, /tmp, /dev/shm, logs, and where a core dump would lie.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.paths import Paths
from appliance.status import relay
from tests.boot.home import IP_FREEBIND, Home, step_in
from tests.lint.sources import ROOT
from tests.relay.running import PATIENCE, wait_for
from tests.soak.growth import descriptors, memory

RELAY, ROUTER = "192.168.77.50", "192.168.77.1"
RELAY_SIX = "fd77::50"
PAGE_PORT, UPSTREAM_PORT = 8199, 9000
# Who there is: people outside, people at home, and those of whom only a balancer tells. Documentation's addresses
# (RFC 5737, RFC 3849), so that none of them could stand in a file for another reason.
OUTSIDE = ("203.0.113", "198.51.100")
OUTSIDE_SIX = "2001:db8:77:"
TOLD = "192.0.2"
HOME = "192.168.77"
IPV6_FREEBIND = 78
WORKERS = 8
# A balancer's port, beside the usual ones.
BALANCER = 8080
SETTINGS = f"""\
[relay]
workers = 1
balancer_ports = [{BALANCER}]
max_connections_per_address = 100
[relay.upstream]
chat = ["127.0.0.1:{UPSTREAM_PORT}"]
http = ["127.0.0.1:{UPSTREAM_PORT}"]
media = ["127.0.0.1:{UPSTREAM_PORT}"]
allow_private = true
"""
# Mounted so that nothing but one folder can be written; then the program, with the limits of the card's services.
CONFINED = """\
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --bind "$1/shm" /dev/shm
mount -o remount,bind,ro /
cd "$1/cwd"
export TMPDIR="$1/tmp" HOME="$1/cwd" PYTHONDONTWRITEBYTECODE=1
ulimit -c "$2"
shift 2
exec "$@"
"""
LIMIT_CORE = re.compile(r"^DefaultLimitCORE=(\d+)$", re.MULTILINE)


def core_limit() -> str:
    """How large a core dump of a service may be on the card."""
    found = LIMIT_CORE.search((ROOT / "image/files/usr/lib/systemd/system.conf.d/porchlight.conf").read_text())
    return found[1] if found else "unlimited"


class Village:
    """The network and what runs in it; made by ``with``, taken away at its end.

    Args:
        folder: for all that is written.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"porchlight-soak-{os.getpid()}"
        # Not called "state" and so on, since what the test itself writes must not lie in it.
        self.writable = folder / "writable"
        self.paths = Paths(self.writable / "fat" / "porchlight.toml", self.writable / "state", self.writable / "run")
        self._home = Home(self.name, folder)
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self._listening: socket.socket | None = None
        # Threads that have stepped into the namespace and stay.
        self.people = ThreadPoolExecutor(WORKERS, initializer=step_in, initargs=(self.name,))

    def __enter__(self) -> Self:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        try:
            self._build()
            self.open_upstream()
            for name in (
                "fat",
                "tmp",
                "shm",
                "cwd",
                "log",
                "state",
                *(f"run/{one}" for one in ("relay", "page", "lights")),
            ):
                (self.writable / name).mkdir(parents=True)
            self.paths.owner_file.write_text(SETTINGS)
            for name in ("relay", "page", "lights"):
                self._start(name, *(("--terminal",) if name == "lights" else ()))
            wait_for(self._is_up, "relay and page to serve")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self.programs.values():
            one.send_signal(signal.SIGTERM)
        for one in self.programs.values():
            try:
                one.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait()
        self.close_upstream()
        self.people.shutdown()
        subprocess.run(["ip", "netns", "del", self.name], check=True)

    def _build(self) -> None:
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", "cable", "type", "veth", "peer", "name", "wall")
        for one in ("cable", "wall"):
            self._ip("link", "set", one, "up")
        self._ip("address", "add", f"{RELAY}/24", "dev", "cable")
        self._ip("-6", "address", "add", f"{RELAY_SIX}/64", "dev", "cable", "nodad")
        self._ip("route", "add", "default", "via", ROUTER, "dev", "cable")
        for one in (f"{HOME}.64/26", f"{ROUTER}/32", *(f"{one}.0/24" for one in OUTSIDE)):
            self._ip("route", "add", "local", one, "dev", "lo")
        self._ip("-6", "route", "add", "local", f"{OUTSIDE_SIX}:/64", "dev", "lo")

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", "-n", self.name, *words], check=True)

    def _start(self, name: str, *options: str) -> None:
        places = ["--settings", self.paths.owner_file, "--state", self.paths.state, "--run", self.paths.run]
        command = [sys.executable, "-m", "tests.soak.talkative", name, *options, *map(str, places)]
        confined = ["sh", "-c", CONFINED, "sh", str(self.writable), core_limit(), *command]
        with (self.writable / "log" / name).open("ab") as log:
            self.programs[name] = subprocess.Popen(
                self._home.command(*confined),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )

    def _is_up(self) -> bool:
        for name, one in self.programs.items():
            assert one.poll() is None, f"{name}: {self.said(name)}"
        try:
            for port in (443, PAGE_PORT):
                self.people.submit(self.connect, f"{HOME}.66", port).result().close()
        except OSError:
            return False
        return True

    def said(self, name: str) -> str:
        """What a program has logged."""
        return (self.writable / "log" / name).read_text(errors="replace")

    def connect(self, source: str, port: int) -> socket.socket:
        """Somebody connects to the card; only within one of ``people``'s threads."""
        six = ":" in source
        connection = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
        try:
            connection.settimeout(PATIENCE)
            if six:
                connection.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
            else:
                connection.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
            connection.bind((source, 0))
            connection.connect((RELAY_SIX if six else RELAY, port))
        except BaseException:
            connection.close()
            raise
        return connection

    def workers(self) -> list[int]:
        """The process numbers of the relay's workers."""
        parent = self.programs["relay"].pid
        return [int(one) for one in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]

    def processes(self) -> dict[str, int]:
        """Every process of the card by what it is."""
        found = {name: one.pid for name, one in self.programs.items()}
        return found | {"worker": next(iter(self.workers()))}

    def look(self) -> dict[str, tuple[int, int]]:
        """What each process holds: memory in KiB, descriptors."""
        return {name: (memory(one), descriptors(one)) for name, one in self.processes().items()}

    def open_upstream(self) -> None:
        """WhatsApp's part: says back whatever it hears."""
        self._listening = self._home.inside(lambda: socket.create_server(("127.0.0.1", UPSTREAM_PORT), backlog=512))
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def close_upstream(self) -> None:
        """It goes away; what it was saying goes on."""
        if self._listening is not None:
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()

    def is_at_rest(self) -> bool:
        """Whether nobody is connected any more, as the relay says."""
        status = relay.read(self.paths.relay_status)
        return status is not None and status.connections == 0


def _echo(connection: socket.socket) -> None:
    connection.settimeout(PATIENCE)
    with connection, suppress(OSError):
        while data := connection.recv(1 << 16):
            connection.sendall(data)
