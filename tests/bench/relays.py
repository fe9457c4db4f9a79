"""The relays that are compared: each a process of its own in front of the same upstream."""

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import haproxy

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0
# The reference's maxconn; less where a process may not hold two descriptors for each connection.
MAXCONN = min(27_500, resource.getrlimit(resource.RLIMIT_NOFILE)[1] // 2 - 200)
PORTS_EACH = 5


@dataclass(frozen=True, slots=True)
class Ports:
    """Where one relay listens, and where its part of the upstream does."""

    chat: int
    tls: int
    media: int
    upstream: int
    upstream_header: int


@dataclass(slots=True)
class Peer:
    """One relay to be measured.

    Args:
        name: in the table.
        kind: ``haproxy``, ``nginx`` or ``porchlight``.
        options: of that kind.
    """

    name: str
    kind: str
    options: dict[str, str] = field(default_factory=dict)

    def command(self, folder: Path, ports: Ports) -> list[str]:
        """Write the settings into ``folder``; return the command that runs the relay in the foreground."""
        if self.kind == "haproxy":
            (folder / "haproxy.cfg").write_text(_haproxy(folder, ports, self.options))
            return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]
        if self.kind == "nginx":
            (folder / "nginx.conf").write_text(_nginx(folder, ports))
            return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]
        (folder / "porchlight.toml").write_text(_porchlight(ports, self.options))
        command = [sys.executable, "-m", "appliance", "relay", "--settings", str(folder / "porchlight.toml")]
        return [*command, "--state", str(folder.parent / "state"), "--run", str(folder / "run")]


REFERENCE = Peer("HAProxy, reference", "haproxy", {"bufsize": "4096", "key": "rsa"})
TUNED = Peer("HAProxy, tuned", "haproxy", {"bufsize": "16384", "key": "p256", "more": "option splice-auto"})
NGINX = Peer("nginx stream", "nginx")
ONE = Peer("porchlight, 1 worker", "porchlight", {"workers": "1"})
TWO = Peer("porchlight, 2 workers", "porchlight", {"workers": "2"})
# As many as it takes to hold the reference's 27,500 connections where a process may have 20,000 descriptors.
MANY = Peer("porchlight, 3 workers", "porchlight", {"workers": "3"})
PEERS = (REFERENCE, TUNED, NGINX)


def _haproxy(folder: Path, ports: Ports, options: dict[str, str]) -> str:
    where, with_header = f"127.0.0.1:{ports.upstream}", f"127.0.0.1:{ports.upstream_header} send-proxy"
    sections = (
        haproxy.Section("chat", (f"127.0.0.1:{ports.chat}",), with_header),
        haproxy.Section("tls", (f"127.0.0.1:{ports.tls} ssl crt {folder.parent}/{options['key']}.pem",), with_header),
        haproxy.Section("media", (f"127.0.0.1:{ports.media}",), where),
    )
    return haproxy.configuration(sections, maxconn=MAXCONN, bufsize=options["bufsize"], more=options.get("more", ""))


def _nginx(folder: Path, ports: Ports) -> str:
    module = next(Path("/usr/lib").glob("nginx/modules/ngx_stream_module.so"))
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
{user}
load_module {module};
daemon off;
pid {folder}/pid;
error_log {folder}/log crit;
worker_processes 1;
events {{ worker_connections {2 * MAXCONN}; }}
stream {{
    access_log off;
    proxy_buffer_size 64k;
    proxy_connect_timeout 5s;
    proxy_timeout 200s;
    server {{ listen 127.0.0.1:{ports.chat} backlog=4096;
        proxy_protocol on; proxy_pass 127.0.0.1:{ports.upstream_header}; }}
    server {{ listen 127.0.0.1:{ports.tls} ssl backlog=4096;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {folder.parent}/p256.pem; ssl_certificate_key {folder.parent}/p256.pem;
        proxy_protocol on; proxy_pass 127.0.0.1:{ports.upstream_header}; }}
    server {{ listen 127.0.0.1:{ports.media} backlog=4096; proxy_pass 127.0.0.1:{ports.upstream}; }}
}}
"""


def _porchlight(ports: Ports, options: dict[str, str]) -> str:
    chat = json.dumps([f"127.0.0.1:{ports.upstream_header}"])
    return f"""
[relay]
chat_tls_port = {ports.tls}
chat_ports = [{ports.chat}]
media_ports = [{ports.media}]
listen = ["127.0.0.1"]
workers = {options["workers"]}
max_connections = 27500
max_connections_per_address = 1000000
[relay.upstream]
chat = {chat}
http = {chat}
media = ["127.0.0.1:{ports.upstream}"]
allow_private = true
"""


def make_certificates(folder: Path) -> None:
    """The reference's kind of key and the peers' kind, each in one file with its certificate."""
    for name, kind in (("rsa", ["rsa:4096"]), ("p256", ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"])):
        files = ["-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt"]
        command = ["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost", "-newkey", *kind]
        subprocess.run([*command, *files], check=True, capture_output=True)
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())


def missing() -> list[str]:
    """Which of the peers' programs are not installed."""
    found = [name for name in ("haproxy", "nginx", "openssl") if shutil.which(name) is None]
    return (
        found if any(Path("/usr/lib").glob("nginx/modules/ngx_stream_module.so")) else [*found, "nginx's stream module"]
    )


def choose_ports(count: int) -> list[Ports]:
    """Ports for ``count`` relays, free at this moment and below the range that connections take theirs from."""
    free: list[int] = []
    candidate = 12_000 + os.getpid() % 6000
    while len(free) < count * PORTS_EACH:
        candidate += 1
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", candidate))
            except OSError:
                continue
        free.append(candidate)
    return [Ports(*free[at : at + PORTS_EACH]) for at in range(0, len(free), PORTS_EACH)]


class Running:
    """A relay that runs.

    Args:
        peer: which.
        folder: for its files; the certificates lie one level above.
        ports: where it listens and relays to.
    """

    def __init__(self, peer: Peer, folder: Path, ports: Ports) -> None:
        self.peer = peer
        self.ports = ports
        folder.mkdir(exist_ok=True)
        with (folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                peer.command(folder, ports),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=peer.options.get("source", ROOT),
            )
        until = time.monotonic() + PATIENCE
        for port in (ports.chat, ports.tls, ports.media):
            self._wait_for(port, until, folder)
        if peer.kind == "porchlight":
            # The first probe of the upstreams, which is not part of any work.
            time.sleep(0.3)

    def _wait_for(self, port: int, until: float, folder: Path) -> None:
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise RuntimeError(f"{self.peer.name} does not start:\n{(folder / 'output').read_text()}")

    @property
    def process(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
