"""Every file that a process reads, bent: it is believed or not, and nothing is raised that nobody catches."""

import os
import shutil
from pathlib import Path

import pytest

from appliance.paths import Paths
from tests.fuzz.bending import bent, overwrite
from tests.fuzz.counts import cases
from tests.fuzz.files import FILES

# What rewrites other files in each case, or searches for a password, takes twenty times as long.
SLOW = ("reset", "saved settings, to be changed", "saved secrets, to be changed", "a password to be hidden")


@cases(300, 5000, soak=0.1)
@pytest.mark.parametrize("name", FILES)
def test_a_bent_file_is_believed_or_not(tmp_path: Path, name: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some readers write too; nobody pulls a plug here.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    held = FILES[name]
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    file = held.where(paths)

    def fresh() -> None:
        for one in (paths.run, paths.state):
            shutil.rmtree(one, ignore_errors=True)
        folders = ["relay", "router", "name", "certificate", "update", "page", "lights", "firewall", "wifi"]
        for folder in (*folders, "wish", "order", "install", "judge"):
            for one in (paths.run, paths.state):
                (one / folder).mkdir(parents=True, exist_ok=True)
        paths.saved_settings.parent.mkdir()

    fresh()
    if isinstance(held.seeds, tuple):
        seeds = held.seeds
    else:
        held.seeds(paths)
        seeds = (file.read_bytes(),)
    file.write_bytes(seeds[0])
    assert held.read(paths), "what is right is not believed"
    believed = refused = 0
    count = count // 5 if name in SLOW else count
    for number, data in enumerate(bent(seeds, count, seed=len(name))):
        if number % 1000 == 0:
            fresh()
        overwrite(file, data)
        try:
            found = held.read(paths)
        except held.refusals:
            found = None
        except Exception as error:
            error.add_note(f"{name}: {data[:300]!r}")
            raise
        believed += bool(found)
        refused += not found
    # What believes everything, or nothing, would pass otherwise.
    assert believed
    assert refused
