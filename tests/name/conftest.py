"""The name service as a thread, with the real inadyn and a provider on loopback."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.files import write_atomically
from appliance.name import account
from appliance.name.service import PATIENCE, Service
from appliance.network.verdict import Verdict
from appliance.paths import Paths
from appliance.settings import save
from appliance.status.name import NameStatus, read
from appliance.status.router import RouterStatus, publish
from tests.name.provider import Provider, serving

# Blanks, quotes and signs that mean something to inadyn's configuration, to a shell and to printf.
SECRET = 'p\\w "${HOME}" it\'s #%x ü'
HOST = "relay.example.org"


class Running:
    """One name service with its provider.

    Attributes:
        log: what it said.
        wall: what it takes for the date; None for a clock that nobody has set.
        patience: seconds that a server may take for an answer; on a busy machine one that answers may need some.
    """

    def __init__(self, tmp_path: Path, provider: Provider) -> None:
        self.provider = provider
        self.paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
        self.log: list[str] = []
        self.wall: float | None = time.time()
        self.patience = PATIENCE
        self._reading, self._writing = os.pipe()
        self._thread: threading.Thread | None = None

    def choose(self, **settings: str) -> None:
        """Save settings as the page does."""
        base = f"http://127.0.0.1:{self.provider.port}"
        # Only the owner's file may name another page for the address. The service may be reading it.
        write_atomically(self.paths.owner_file, f'[name]\ncheck_ip = "{base}/ip"\n'.encode())
        chosen = {
            "provider": "custom",
            "hostname": HOST,
            "update_url": f"{base}/nic/update?hostname=%h&myip=%i",
            **settings,
        }
        save.save(self.paths, {f"name.{name}": value for name, value in chosen.items()})

    def enter(self, secret: str = SECRET, provider: str = "custom") -> str:
        """Save an account as the page does; returns its revision."""
        return account.save(self.paths, provider, "alice", secret)

    def router(self, seen: str) -> None:
        """Say what the router service would."""
        self.paths.router_status.parent.mkdir(parents=True, exist_ok=True)
        status = RouterStatus(since_boot(), Verdict.MAPPED, outer="192.168.7.7", seen=seen)
        publish(self.paths.router_status, status)

    def start(self) -> None:
        service = Service(self.paths, say=self.log.append, patience=self.patience, wall=lambda: self.wall)
        self._thread = threading.Thread(target=service.run, args=(self._reading,))
        self._thread.start()

    def stop(self) -> None:
        if self._thread:
            os.write(self._writing, b".")
            self._thread.join()
            os.read(self._reading, 1)
            self._thread = None

    def status(self) -> NameStatus | None:
        return read(self.paths.name_status, since_boot())

    def until(self, right: Callable[[NameStatus], bool]) -> NameStatus:
        """Wait for a status."""
        last: NameStatus | None = None
        end = time.monotonic() + 60
        while time.monotonic() < end:
            last = self.status()
            if last and right(last):
                return last
            time.sleep(0.05)
        raise AssertionError(f"the last status was {last}; the log: {self.log}; asked: {self.provider.paths}")


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A service that is set up, with an account, and not yet started."""
    with serving() as provider:
        one = Running(tmp_path, provider)
        one.choose()
        yield one
        one.stop()
