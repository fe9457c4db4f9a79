"""The card that `./build` wrote, unpacked once for all tests that look into it."""

import subprocess
from pathlib import Path

import pytest

from image.stages import REPOSITORY, version
from tests.image.card import Card


@pytest.fixture(scope="session")
def packed() -> Path:
    """The compressed card in `dist/`."""
    path = REPOSITORY / f"dist/porchlight-{version()}-arm64.img.xz"
    assert path.exists(), "no card in dist/: run ./build first"
    return path


@pytest.fixture(scope="session")
def card(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Card:
    """The card, unpacked."""
    folder = tmp_path_factory.mktemp("card")
    path = folder / "card.img"
    with path.open("wb") as file:
        subprocess.run(["xz", "--decompress", "--stdout", str(packed)], stdout=file, check=True)
    return Card(path, folder)
