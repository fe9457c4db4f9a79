"""Every file that a process reads, bent: it is believed or not, and nothing is raised that nobody catches."""

import os
import shutil
from functools import cache
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.wifi.rules import key
from tests.fuzz.bending import bent, overwrite
from tests.fuzz.counts import cases
from tests.fuzz.files import FILES


@cases(300, 100_000)
@pytest.mark.parametrize("name", FILES)
def test_a_bent_file_is_believed_or_not(tmp_path: Path, name: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some readers write too; nobody pulls a plug here.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    # A key takes three milliseconds, and most cases have the same name and password.
    monkeypatch.setattr("appliance.wifi.hide.key", cache(key))
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
    for number, data in enumerate(bent(seeds, count, seed=len(name))):
        # What a reader has made of one case is another one's beginning, but not for long.
        if number % 100 == 0:
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
        if number % 100 == 0:
            # So it is this file that is read, and not what a reader has made of one before it.
            overwrite(file, seeds[0])
            assert held.read(paths), f"what is right is not believed after {data[:300]!r}"
    # What believes everything, or nothing, would pass otherwise.
    assert believed
    assert refused
