"""Two stages alike, porchlight on one and the reference on the other, and the scripts that are played on both."""

import ipaddress
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from appliance.relay.proxy_header import SIGNATURE_V2
from tests.bench.haproxy import Section, configuration
from tests.relay.running import PATIENCE, Relay, Upstream, read_exactly, wait_for
from tests.wire.place import Place

# Addresses of documentation (RFC 5737, RFC 3849): they are never real, and each shows at once whose it is.
RELAY = {4: "192.0.2.1", 6: "2001:db8:a::1"}
# Another address of the relay's, where the reference has no IPv6.
RELAY_AS_IT_COMES = "2001:db8:a::2"
UPSTREAM = {4: "198.51.100.10", 6: "2001:db8:b::10"}
CLIENT = {4: "203.0.113.5", 6: "2001:db8:c::5"}
UPSTREAM_PORTS = {"chat": 5222, "http": 80, "media": 443}
# The ports of a client, each used once: below those that the kernel gives to connections of others.
FIRST_CLIENT_PORT = 10_000
# How the reference's health probes begin: with a PROXY header that names the relay itself, or nobody.
PROBES = (
    f"PROXY TCP4 {UPSTREAM[4]} ".encode(),
    SIGNATURE_V2 + b"\x21\x21\x00\x24" + ipaddress.IPv6Address(UPSTREAM[6]).packed,
    SIGNATURE_V2 + b"\x20",
)
# SO_LINGER with no time: close() sends RST.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


STATISTICS = f"""
listen statistics
    mode http
    bind {RELAY[4]}:8199
    stats enable
    stats uri /
"""


class Variant(NamedTuple):
    """How both relays are set.

    Args:
        sends: the version of the PROXY header that goes upstream.
        family: of the upstream's address.
        idle: seconds without a byte until a stream is ended.
        balanced_media: whether 7777 wants a PROXY header, as in the reference's Helm chart.
        most: connections at the same time.
        most_per_address: the same for one address, which the reference does not count.
        allow_private: whether the upstream's address, one of documentation, will do.
        certificate: which one the reference shows.
    """

    sends: str = "v1"
    family: int = 4
    idle: float = 200.0
    balanced_media: bool = False
    most: int = 1000
    most_per_address: int = 1000
    allow_private: bool = True
    certificate: str = "reference"


class Seen(NamedTuple):
    """What one end saw: the bytes, and how they ended (``end``, ``reset``, or ``open`` when they have not)."""

    data: bytes
    ending: str


class End:
    """One end of a connection, as a script uses it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        connection.settimeout(PATIENCE)
        # Each write is a segment of its own.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> "End":
        self.socket.sendall(data)
        return self

    def read(self, count: int) -> bytes:
        return read_exactly(self.socket, count)

    def rest(self) -> Seen:
        """Everything until the end."""
        parts: list[bytes] = []
        try:
            while part := self.socket.recv(1 << 20):
                parts.append(part)
        except ConnectionResetError:
            return Seen(b"".join(parts), "reset")
        return Seen(b"".join(parts), "end")

    def within(self, limit: float) -> Seen:
        """Everything until the end, or until ``limit`` seconds have passed."""
        parts: list[bytes] = []
        until = time.monotonic() + limit
        try:
            while (left := until - time.monotonic()) > 0:
                self.socket.settimeout(left)
                part = self.socket.recv(1 << 20)
                if not part:
                    return Seen(b"".join(parts), "end")
                parts.append(part)
        except TimeoutError:
            pass
        except ConnectionResetError:
            return Seen(b"".join(parts), "reset")
        finally:
            self.socket.settimeout(PATIENCE)
        return Seen(b"".join(parts), "open")

    def finish(self) -> "End":
        """Send FIN; go on reading."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Send RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.socket.close()


class Recording(Upstream):
    """The upstream of the tests; health probes are put aside."""

    def __init__(self, port: int, address: str) -> None:
        self.probes: list[bytes] = []
        super().__init__(port, address)

    def _sort(self, connection: socket.socket, greet: Callable[[socket.socket], object]) -> None:
        with suppress(OSError):
            greet(connection)
            start = connection.recv(100, socket.MSG_PEEK)
            if start and not start.startswith(PROBES):
                self._arrived.append(connection)
                return
            self.probes.append(start)
        connection.close()


class Stage:
    """One relay in a network of its own, between clients and an upstream.

    Args:
        folder: for the relay's files.
        certificates: where each relay's certificate lies.
        variant: how the relay is set.
    """

    name: str

    def __init__(self, folder: Path, certificates: Path, variant: Variant) -> None:
        self.variant = variant
        self._folder = folder
        self._certificates = certificates
        self._ends: list[End] = []
        self.next_port = FIRST_CLIENT_PORT
        addresses = (*RELAY.values(), RELAY_AS_IT_COMES, *UPSTREAM.values(), *CLIENT.values())
        self._place = Place([f"{one}/{128 if ':' in one else 32}" for one in addresses])
        self.inside = self._place.inside
        folder.mkdir()
        with self.inside():
            where = UPSTREAM[variant.family]
            self.upstreams = {name: Recording(port, where) for name, port in UPSTREAM_PORTS.items()}
            self._start()

    def _where(self, name: str) -> str:
        address = UPSTREAM[self.variant.family]
        return f"{f'[{address}]' if ':' in address else address}:{UPSTREAM_PORTS[name]}"

    def _start(self) -> None:
        raise NotImplementedError

    def _stop(self) -> None:
        raise NotImplementedError

    def client(self, port: int, data: bytes = b"", *, family: int = 4, to: str | None = None) -> End:
        """A client of the relay, from an address and a port that are the same on both stages."""
        self.next_port += 1
        with self.inside():
            raw = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
        end = self._keep(raw)
        raw.bind((CLIENT[family], self.next_port))
        raw.connect((to or RELAY[family], port))
        return end.send(data)

    def arrived(self, name: str = "chat") -> End:
        """The next stream at the upstream of that name."""
        return self._keep(self.upstreams[name].next())

    def arrived_anywhere(self) -> tuple[str, End]:
        """The next stream, and at which upstream."""
        name = wait_for(lambda: next((one for one, at in self.upstreams.items() if at.waiting), None), "a stream")
        return name, self.arrived(name)

    @property
    def nothing_arrived(self) -> bool:
        return not any(one.waiting for one in self.upstreams.values())

    def _keep(self, connection: socket.socket) -> End:
        self._ends.append(End(connection))
        return self._ends[-1]

    def clear(self) -> None:
        """Close what a script has left open."""
        while self._ends:
            self._ends.pop().socket.close()
        for upstream in self.upstreams.values():
            while upstream.waiting:
                upstream.next().close()

    def close(self) -> None:
        self.clear()
        self._stop()
        for upstream in self.upstreams.values():
            upstream.end()
        self._place.close()


class Porchlight(Stage):
    name = "porchlight"

    def _start(self) -> None:
        variant = self.variant
        balanced = [8443, 8222, 8080, *([7777] if variant.balanced_media else [])]
        self.relay = Relay(
            self._folder,
            None,
            chat_tls_port=443,
            chat_ports=[5222, 80],
            media_ports=[587, 7777],
            balancer_ports=balanced,
            listen=[RELAY[4], RELAY[6], RELAY_AS_IT_COMES],
            idle_timeout=variant.idle,
            send_proxy=variant.sends,
            max_connections=variant.most,
            max_connections_per_address=variant.most_per_address,
        )
        self.relay.upstreams |= {name: [self._where(name)] for name in UPSTREAM_PORTS}
        self.relay.upstreams["allow_private"] = variant.allow_private
        state = self._folder / "state/relay"
        state.mkdir(parents=True)
        shutil.copy(self._certificates / "porchlight.pem", state / "certificate.pem")
        self.relay.start()

    def _stop(self) -> None:
        self.relay.stop()
        assert "Traceback" not in self.relay.log
        assert "mistake in porchlight" not in self.relay.log


class Reference(Stage):
    name = "the reference"

    def _start(self) -> None:
        config = self._folder / "haproxy.cfg"
        config.write_text(
            configuration(self._sections(), maxconn=self.variant.most, idle=self.variant.idle) + STATISTICS
        )
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(["haproxy", "-db", "-f", str(config)], stdout=log, stderr=log)
        wait_for(self._answers, "HAProxy to serve")

    def _sections(self) -> Iterator[Section]:
        tls = f" ssl crt {self._certificates}/{self.variant.certificate}.pem"
        header = {"v1": " send-proxy", "v2": " send-proxy-v2", "off": ""}[self.variant.sends]
        media_header = " accept-proxy" if self.variant.balanced_media else ""
        for port, upstream, options in (
            (443, "chat", tls),
            (5222, "chat", ""),
            (80, "http", ""),
            (8443, "chat", f" accept-proxy{tls}"),
            (8222, "chat", " accept-proxy"),
            (8080, "http", " accept-proxy"),
            (587, "media", ""),
            (7777, "media", media_header),
        ):
            binds = tuple(f"{one}:{port}{options}" for one in RELAY.values())
            yield Section(f"port{port}", binds, self._where(upstream) + ("" if upstream == "media" else header))

    def _answers(self) -> bool:
        try:
            with socket.socket() as trial:
                trial.connect((RELAY[4], 587))
        except OSError:
            return False
        # What this trial has brought upstream is nobody's.
        return True

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Both:
    """The two stages.

    Args:
        porchlight: ours.
        reference: HAProxy's.
    """

    porchlight: Porchlight
    reference: Reference

    def play(self, script: Callable[[Stage], Result]) -> tuple[Result, Result]:
        """Play a script on both stages at once; what came out on porchlight's, and on the reference's."""
        stages: tuple[Stage, ...] = (self.porchlight, self.reference)
        port = max(stage.next_port for stage in stages)
        for stage in stages:
            stage.next_port = port
        try:
            with ThreadPoolExecutor(2) as pool:
                ours, reference = pool.map(script, stages)
        finally:
            for stage in stages:
                stage.clear()
        return ours, reference

    def same(self, script: Callable[[Stage], Any]) -> Any:
        """Play a script on both stages, insist that the same came out, and return that."""
        ours, reference = self.play(script)
        assert ours == reference, "porchlight (left) is not like the reference (right)"
        return ours

    def close(self) -> None:
        try:
            self.porchlight.close()
        finally:
            self.reference.close()
