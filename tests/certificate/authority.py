"""pebble, the small certificate authority of Let's Encrypt's developers, and the name server that it asks."""

import json
import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def free_port() -> int:
    """A port that nobody uses now; this process's loopback is its own."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Authority:
    """One authority.

    Args:
        folder: for its files.
        validates_at: the port that it takes for a site's port 80.
        life: how long its certificates last, in seconds.
        rejects: how many of a hundred nonces it rejects on purpose.

    Attributes:
        directory: its ACME directory.
        roots: what it is known by.
    """

    def __init__(self, folder: Path, validates_at: int, *, life: int = 90 * 86400, rejects: int = 0) -> None:
        folder.mkdir()
        self._folder = folder
        self._rejects = rejects
        self._port, self._management, self._names, self._fake = (free_port() for _ in range(4))
        self.directory = f"https://127.0.0.1:{self._port}/dir"
        self.roots = folder / "roots.pem"
        key = folder / "key.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += ["-keyout", str(key), "-out", str(self.roots), "-days", "2", "-subj", "/CN=localhost"]
        subprocess.run([*command, "-addext", "subjectAltName=IP:127.0.0.1"], stderr=subprocess.DEVNULL, check=True)
        settings = {
            "listenAddress": f"127.0.0.1:{self._port}",
            "managementListenAddress": f"127.0.0.1:{self._management}",
            "certificate": str(self.roots),
            "privateKey": str(key),
            "httpPort": validates_at,
            "tlsPort": 1,
            "certificateValidityPeriod": life,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, address: str = "127.0.0.1") -> None:
        """Start it.

        Args:
            address: what every name says; empty for nothing.
        """
        names = ["pebble-challtestsrv", "-defaultIPv4", address, "-defaultIPv6", "", "-http01", "", "-https01", ""]
        names += ["-tlsalpn01", "", "-dns01", f"127.0.0.1:{self._names}", "-management", f"127.0.0.1:{self._fake}"]
        environment = {**os.environ, "PEBBLE_WFE_NONCEREJECT": str(self._rejects), "PEBBLE_VA_NOSLEEP": "1"}
        pebble = ["pebble", "-config", str(self._folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{self._names}"]
        for command in (names, pebble):
            with (self._folder / f"{command[0]}.log").open("ab") as log:
                self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))
        context = ssl.create_default_context(cafile=str(self.roots))
        end = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(self.directory, context=context, timeout=5).close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop it; with it goes all that it knew."""
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.wait()
        self._processes.clear()


@contextmanager
def running(authority: Authority, address: str = "127.0.0.1") -> Iterator[Authority]:
    """An authority that runs."""
    authority.start(address)
    try:
        yield authority
    finally:
        authority.stop()
