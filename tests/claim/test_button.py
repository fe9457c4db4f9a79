"""What the lights leave word of, done by the service that may: real files, the real command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.button import take
from appliance.claim import prepare
from appliance.lights.button import Wish
from appliance.page.owner import Ownership, ownership, write_record
from appliance.paths import Paths

ROOT = Path(__file__).parents[2]
HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    places = Paths(tmp_path / "firmware" / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    places.owner_file.parent.mkdir()
    places.owner_file.touch()
    places.button_request.parent.mkdir(parents=True)
    prepare(places)
    write_record(places, HASH)
    return places


def pressed(paths: Paths) -> "subprocess.CompletedProcess[str]":
    """Run what porchlight-button.service runs."""
    command = [sys.executable, "-W", "error", "-m", "appliance.button", "--settings", str(paths.owner_file)]
    return subprocess.run(
        [*command, "--state", str(paths.state), "--run", str(paths.run)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_claim_again(paths: Paths) -> None:
    paths.button_request.write_text("claim")
    done = pressed(paths)
    assert done.returncode == 0, done.stderr
    assert ownership(paths) is Ownership.UNCLAIMED
    assert not paths.button_request.exists(), "otherwise the service would be started for ever"


def test_nothing_was_asked_for(paths: Paths) -> None:
    assert pressed(paths).returncode == 0
    assert ownership(paths) is Ownership.CLAIMED


@pytest.mark.parametrize("word", [b"", b"network", b"claim\n", b"CLAIM", b"\xff\xfe", b"claim" * 100, b"../reset"])
def test_what_is_no_word(paths: Paths, word: bytes) -> None:
    paths.button_request.write_bytes(word)
    assert take(paths) is None
    assert not paths.button_request.exists()


def test_each_word_is_taken_once(paths: Paths) -> None:
    paths.button_request.write_text("reset")
    assert take(paths) is Wish.RESET
    assert take(paths) is None


def test_a_link_and_a_pipe_are_not_read(paths: Paths, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("claim")
    paths.button_request.symlink_to(tmp_path / "elsewhere")
    assert take(paths) is None
    assert (tmp_path / "elsewhere").exists()
    os.mkfifo(paths.button_request)
    assert take(paths) is None
    assert not paths.button_request.exists()
