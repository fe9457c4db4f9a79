"""A card in a file, and the updates of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.status import relay as relay_status
from appliance.status.relay import RelayStatus, UpstreamStatus
from appliance.update.disk import Memory
from appliance.update.environment import OFFSETS, SIZE
from tests.release_page import Shown, certificate, encrypting, serving
from tests.update.card import Card


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A card on which nothing was remembered yet."""
    path = tmp_path / "card"
    path.write_bytes(bytes(OFFSETS[1] + SIZE))
    return Memory(path)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The places of one instance; all folders of services are there."""
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    folders = [found.state, found.run, found.relay_status.parent, found.update_wish.parent, found.update_upload.parent]
    folders += [one.parent for one in (found.install_order, found.install_answer, found.slot_answer, found.verdict)]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return found


@pytest.fixture
def card(paths: Paths, memory: Memory) -> Card:
    """A card that relays, with slot A running."""
    upstreams = {"chat": UpstreamStatus(True)}
    relay_status.publish(paths.relay_status, RelayStatus(since_boot(), "0.1.0", "running", upstreams=upstreams))
    return Card(paths, memory)


@pytest.fixture
def brought(paths: Paths) -> str:
    """A bundle where one may lie."""
    paths.update_upload.touch()
    return str(paths.update_upload)


@pytest.fixture
def pem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for this machine, which this process trusts, and its key."""
    made = tmp_path / "server.pem"
    made.write_bytes(b"".join(certificate("127.0.0.1", "test")))
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    return made


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    """What the server shows."""
    folder = tmp_path / "www"
    folder.mkdir()
    return Shown(folder)


@pytest.fixture
def server(shown: Shown, pem: Path) -> Iterator[tuple[str, Path]]:
    """An HTTPS server that this process trusts: the address of its feed, and the folder that it shows."""
    with serving(shown, encrypting(pem)) as place:
        yield f"{place}/update.json", shown.folder


@pytest.fixture
def store(tmp_path: Path, pem: Path) -> Iterator[tuple[str, Shown]]:
    """Another host, encrypted, to which a release page leads: its address, and what it shows."""
    folder = tmp_path / "store"
    folder.mkdir()
    shown = Shown(folder)
    with serving(shown, encrypting(pem)) as place:
        yield place, shown
