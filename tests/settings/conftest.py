"""Settings in a folder of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.settings import Loaded, load


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")


@pytest.fixture
def loaded(paths: Paths) -> Callable[[str], Loaded]:
    """Load settings from a text that stands in the owner's file."""

    def read(text: str) -> Loaded:
        paths.owner_file.write_text(text, "utf-8")
        return load(paths)

    return read
