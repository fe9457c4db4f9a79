"""A real relay process in front of a recording upstream, for the tests that look at the wire."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, TypeVar

import pytest

from appliance.text import unpacked

# The longest that anything here may take on a busy machine, in seconds.
PATIENCE = 60.0
# What a running stream sends at once, in bytes, and every how many times.
MUCH, MUCH_EVERY = 200_000, 25

# The shortest first message of TLS, which is all that a media port looks at: a ClientHello with nothing in it.
MEDIA_HELLO = b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"

# Seconds until one that had nothing left serves again: as promised, in ``./test abuse`` alone; otherwise with what a
# busy test machine adds.
serving_again = pytest.mark.parametrize(
    "within",
    [
        pytest.param(4.0, id="within-4-seconds"),
        pytest.param(2.0, id="as-promised", marks=pytest.mark.long),
    ],
)


def wait_for(condition: Callable[[], Any], what: str, limit: float = PATIENCE) -> Any:
    """Wait until ``condition`` gives something true, and return that."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {limit:g} seconds in vain: {what}")


Socket = TypeVar("Socket", bound=socket.socket)
_kept: list[socket.socket] = []


def keep(connection: Socket) -> Socket:
    """Remember a socket, to be closed when the test is over."""
    _kept.append(connection)
    return connection


def close_kept() -> None:
    """Close every socket that a test has left open."""
    while _kept:
        _kept.pop().close()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that are free at this moment, below the range that connections take theirs from."""
    found: list[int] = []
    candidate = 20000 + os.getpid() % 8000
    while len(found) < count:
        candidate += 1
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        found.append(candidate)
    return found


def swallow() -> socket.socket:
    """A listener that swallows every attempt: it has a queue for one, which is full, until somebody accepts."""
    listener = keep(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(4):
        one = keep(socket.socket())
        one.setblocking(False)
        one.connect_ex(listener.getsockname())
    return listener


class Stopwatch:
    """Seconds that pass, but for those in which this thread or one of these processes waited for a core.

    What other tests do beside them is no fault of theirs.

    Args:
        processes: whose time it is besides.
    """

    def __init__(self, *processes: int) -> None:
        self._tasks = ["thread-self", *map(str, processes)]
        self._begun, self._waited = time.monotonic(), self._waited_by_now()

    def _waited_by_now(self) -> float:
        total = 0
        for one in self._tasks:
            # A kernel that does not count it: then all that passes counts.
            with suppress(FileNotFoundError):
                # Nanoseconds on a core, and in the queue for one (sched-stats.rst).
                total += int(Path(f"/proc/{one}/schedstat").read_text().split()[1])
        return total / 1e9

    def read(self) -> float:
        """How many by now."""
        return max(0.0, time.monotonic() - self._begun - (self._waited_by_now() - self._waited))


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Each file below a folder, and what stands in it.

    A running relay replaces its own: what it had written and not yet renamed is found under the other name.
    """
    for file in folder.rglob("*"):
        try:
            data = file.read_bytes() if file.is_file() else None
        except FileNotFoundError:
            continue
        if data is not None:
            yield file, data


class Upstream:
    """A server that hands each connection to the test; the listening socket can go and come back.

    Args:
        port: where it listens.
        address: on which of this machine's addresses.
    """

    # What is done with each connection before anything else; a server that speaks first, or ends at once, sets it.
    greet: Callable[[socket.socket], object] = staticmethod(lambda _: None)

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.port = port
        self.address = address
        self._listening: socket.socket | None = None
        self._arrived: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._last, self._passed = "", threading.Event()
        self.start()

    def start(self) -> None:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listening = socket.create_server((self.address, self.port), family=family, backlog=512)
        self._serving = threading.Thread(target=self._serve, args=(self._listening,), daemon=True)
        self._serving.start()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, peer = listening.accept()
            except OSError:
                return
            if str(peer) == self._last:
                connection.close()
                self._passed.set()
                continue
            connection.settimeout(PATIENCE)
            # A probe connects and says nothing; whoever waits for a stream must not be handed that.
            thread = threading.Thread(target=self._sort, args=(connection, self.greet), daemon=True)
            self._threads = [*(one for one in self._threads if one.is_alive()), thread]
            thread.start()

    def _sort(self, connection: socket.socket, greet: Callable[[socket.socket], object]) -> None:
        try:
            greet(connection)
            if connection.recv(1, socket.MSG_PEEK) and self._listening is not None:
                self._arrived.append(keep(connection))
                return
        except OSError:
            pass
        connection.close()

    def next(self) -> socket.socket:
        """The next connection that has sent something."""
        return wait_for(lambda: self._arrived and self._arrived.pop(0), "a connection at the upstream")  # type: ignore[no-any-return]

    @property
    def waiting(self) -> int:
        return len(self._arrived)

    def settle(self) -> None:
        """Wait until whoever has connected before is accepted: on a busy machine the last ones are not yet."""
        if self._listening is None:
            return
        with socket.socket() as last:
            last.bind((self.address, 0))
            self._passed.clear()
            self._last = str(last.getsockname())
            last.connect((self.address, self.port))
            assert self._passed.wait(PATIENCE), "those before are not accepted"

    def stop(self) -> None:
        if self._listening is not None:
            # A thread in accept() holds the socket open; shutdown wakes it.
            self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
            self._listening = None

    def end(self) -> None:
        """Stop, and let the threads end whose peers have gone: the next test may count this process's descriptors."""
        self.stop()
        until = time.monotonic() + 5.0
        # Before it has ended, one of those on its list may not have begun yet, and cannot be joined.
        self._serving.join(5.0)
        for one in self._threads:
            one.join(max(0.0, until - time.monotonic()))


def is_relayed(client: socket.socket, upstream: Upstream) -> bool:
    """Whether somebody who has said a first message arrives at the upstream, and is not sent away.

    The stand-in for WhatsApp says nothing by itself, so whatever the client can read is its end.
    """
    wait_for(lambda: upstream.waiting or select.select([client], [], [], 0)[0], "a stream, or its refusal")
    return upstream.waiting > 0


Launch = Callable[[list[str], IO[bytes]], subprocess.Popen[bytes]]


def _launch(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stderr=log, stdout=log)


class Relay:
    """``porchlight relay`` as a process of its own, with settings of the test's choice."""

    # What is run, before its options.
    program: Sequence[str] = (sys.executable, "-m", "appliance", "relay")

    def __init__(self, folder: Path, upstream: Upstream | None, **settings: object) -> None:
        self.folder = folder
        self.tls, self.chat, self.media, self.balancer, self.balanced_media = free_ports(5)
        where = f"127.0.0.1:{upstream.port if upstream else 1}"
        self.settings: dict[str, object] = {
            "chat_tls_port": self.tls,
            "chat_ports": [self.chat],
            "media_ports": [self.media, self.balanced_media],
            "balancer_ports": [self.balancer, self.balanced_media],
            "listen": ["127.0.0.1", "::1"],
            "workers": 1,
            **settings,
        }
        self.upstreams: dict[str, object] = {"chat": [where], "http": [where], "media": [where], "allow_private": True}
        self.process: subprocess.Popen[bytes] | None = None
        # How a process is started: by a service manager, where the test has one.
        self.launch: Launch = _launch

    def write_settings(self) -> None:
        lines = ["[relay]", *(f"{name} = {json.dumps(value)}" for name, value in self.settings.items())]
        lines += ["[relay.upstream]", *(f"{name} = {json.dumps(value)}" for name, value in self.upstreams.items())]
        self.folder.mkdir(exist_ok=True)
        fresh = self.folder / "fresh.toml"
        fresh.write_text("\n".join(lines))
        fresh.rename(self.folder / "porchlight.toml")

    def start(self) -> "Relay":
        self.write_settings()
        command = [*self.program, "--settings", str(self.folder / "porchlight.toml")]
        command += ["--state", str(self.folder / "state"), "--run", str(self.folder / "run")]
        with (self.folder / "log").open("ab") as log:
            self.process = self.launch(command, log)
        wait_for(lambda: self.status.get("phase") == "running", "the relay to serve")
        if self.upstreams["allow_private"]:
            wait_for(lambda: self.status["upstreams"]["chat"]["reachable"] is not None, "the first probe")
        return self

    def wait_for_probes(self) -> None:
        """Wait until the first look at all upstreams is over, which needs descriptors."""
        wait_for(
            lambda: all(one["reachable"] is not None for one in self.status["upstreams"].values()), "the first probes"
        )

    @property
    def status(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = unpacked(json.loads((self.folder / "run/relay/status.json").read_bytes()))
        except FileNotFoundError:
            return {}
        return found

    def counted(self, name: str, reason: str) -> int:
        """A counter by reason, all ports together."""
        return sum(reasons.get(reason, 0) for reasons in self.status["by_reason"].get(name, {}).values())

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def workers(self) -> list[int]:
        """The process numbers of the workers."""
        assert self.process is not None
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(one) for one in path.read_text().split()]

    def descriptors(self) -> int:
        """How many descriptors all workers have open."""
        return sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in self.workers())

    def connect(self, port: int, data: bytes = b"", *, host: str = "127.0.0.1") -> socket.socket:
        connection = keep(socket.create_connection((host, port), timeout=PATIENCE))
        connection.sendall(data)
        return connection

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise


def read_exactly(connection: socket.socket, count: int) -> bytes:
    """Read ``count`` bytes, or what came before the end."""
    parts = []
    while count:
        part = connection.recv(min(count, 1 << 20))
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the other side ends."""
    return read_exactly(connection, 1 << 40)


def read_line(connection: socket.socket) -> bytes:
    """Read a PROXY version 1 line."""
    line = b""
    while not line.endswith(b"\r\n"):
        byte = connection.recv(1)
        assert byte, f"the stream ended after {line!r}"
        line += byte
    return line


class Steady(threading.Thread):
    """A stream that runs the whole time, both ways, and compares every byte."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        super().__init__(daemon=True)
        self._ends = client, server
        self._enough = threading.Event()
        self.rounds = 0
        self.trouble = ""

    def run(self) -> None:
        client, server = self._ends
        try:
            # Little at a time, so that the machine is left to the others; now and then what is spliced, or read large.
            while not self._enough.wait(0.01):
                for one, other in ((client, server), (server, client)):
                    data = os.urandom(MUCH if self.rounds % MUCH_EVERY == 0 else 1 + self.rounds % 5000)
                    # More than the kernel may take while nobody reads.
                    sending = threading.Thread(target=one.sendall, args=(data,), daemon=True)
                    sending.start()
                    if read_exactly(other, len(data)) != data:
                        raise ValueError("other bytes than were sent")
                    sending.join()
                self.rounds += 1
        except (OSError, ValueError) as error:
            self.trouble = repr(error)

    def check(self) -> None:
        """That it is alive, and goes on."""
        before = self.rounds
        wait_for(lambda: self.trouble or self.rounds > before, "a running stream to go on")
        assert not self.trouble

    def stop(self) -> None:
        self._enough.set()
        self.join()
