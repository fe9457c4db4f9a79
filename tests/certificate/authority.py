"""pebble, the small certificate authority of Let's Encrypt's developers, and the name server that it asks."""

import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.relay.running import free_ports

# Seconds until it must answer, on a busy machine.
STARTS = 60.0
# A question for any name's address (RFC 1035, section 4.1).
QUESTION = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + b"\5relay\7example\0" + struct.pack(">2H", 1, 1)


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
        # Between two runs they are nobody's, so not of those that connections take by chance; the first are a relay's.
        self._port, self._management, self._names, self._fake = free_ports(60)[-4:]
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
        end = time.monotonic() + STARTS
        while True:
            with suppress(OSError):
                urllib.request.urlopen(self.directory, context=context, timeout=5).close()
                # Without names it would refuse whoever asks first.
                if self._knows_names():
                    return
            for process in self._processes:
                assert process.poll() is None, f"{process.args!r} has ended; its log is in {self._folder}"
            assert time.monotonic() < end, f"no answer within {STARTS} s; the logs are in {self._folder}"
            time.sleep(0.05)

    def _knows_names(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.settimeout(1)
            one.connect(("127.0.0.1", self._names))
            one.send(QUESTION)
            return bool(one.recv(512))

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
    try:
        authority.start(address)
        yield authority
    finally:
        authority.stop()
