"""The certificate service as a thread, with certbot and pebble."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.certificate.service import Service
from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.settings import save
from appliance.status.certificate import CertificateStatus, read
from tests.certificate.authority import Authority

NAME = "relay.example.org"
# Longer than any pause of the service. Seconds.
PAUSE = 13 * 3600.0


class Running:
    """One certificate service.

    Attributes:
        log: what it said.
        wall: what it takes for the date; None for a clock that nobody has set.
        ahead: seconds that its clock since boot is ahead.
        hurries: whether its clock goes ahead over the pauses between two tries, but never while certbot runs.
    """

    def __init__(self, tmp_path: Path) -> None:
        self.paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
        self.log: list[str] = []
        self.wall: float | None = time.time()
        self.ahead = 0.0
        self.hurries = False
        self._reading, self._writing = os.pipe()
        self._thread: threading.Thread | None = None

    def trust(self, authority: Authority) -> None:
        """Name the authority, as the owner's file can."""
        self.paths.owner_file.write_text(
            f'[certificate]\nauthority = "{authority.directory}"\nauthority_roots = "{authority.roots}"\n'
        )

    def choose(self, **settings: str) -> None:
        """Save settings as the page does."""
        chosen = {"certificate.kind": "public", "share.domain": NAME, **settings}
        save.save(self.paths, chosen)

    def start(self) -> None:
        service = Service(
            self.paths,
            say=self.log.append,
            wall=lambda: self.wall,
            clock=self._clock,
            chance=lambda: 0.0,
        )
        self._thread = threading.Thread(target=service.run, args=(self._reading,))
        self._thread.start()

    def stop(self) -> None:
        if self._thread:
            os.write(self._writing, b".")
            self._thread.join()
            self._thread = None

    def _clock(self) -> float:
        """What the service asks for once in each of its turns, before anything else."""
        if self.hurries and not (self.paths.certificate_run / "private" / "order").exists():
            self.ahead += PAUSE
        return since_boot() + self.ahead

    def until(self, right: Callable[[CertificateStatus], bool], seconds: float = 120) -> CertificateStatus:
        """Wait for a status."""
        last: CertificateStatus | None = None
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            last = read(self.paths.certificate_status, since_boot() + self.ahead)
            if last and right(last):
                return last
            time.sleep(0.05)
        raise AssertionError(f"the last status was {last}; the log: {self.log}")

    @property
    def issued(self) -> bytes:
        """The relay's file."""
        return self.paths.issued_certificate.read_bytes()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service that is not yet started."""
    one = Running(tmp_path)
    yield one
    one.stop()
