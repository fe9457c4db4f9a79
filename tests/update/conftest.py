"""A card in a file, and the updates of it."""

from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.update.disk import Memory
from appliance.update.environment import OFFSETS, SIZE


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
    folders += [one.parent for one in (found.install_order, found.install_answer, found.slot_answer)]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    return found
