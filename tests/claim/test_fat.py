"""Writing to a partition that is mounted read-only, and leaving it so; the driver here is not FAT."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.claim import code_to_show, note_file, prepare
from appliance.fat import mount_point_of, writable
from appliance.paths import Paths


@pytest.fixture
def firmware(tmp_path: Path) -> Iterator[Path]:
    """A file system that is mounted read-only."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root; ./test as root runs this")
    folder = tmp_path / "firmware"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], check=True)
    try:
        (folder / "inner").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def test_it_is_writable_for_the_moment_only(firmware: Path) -> None:
    assert mount_point_of(firmware / "inner") == firmware
    with writable(firmware / "inner"):
        (firmware / "inner" / "note").write_text("x")
    assert is_read_only(firmware)
    with pytest.raises(ZeroDivisionError), writable(firmware):
        raise ZeroDivisionError
    assert is_read_only(firmware)


def test_the_note_is_written_to_it_and_removed_from_it(firmware: Path, tmp_path: Path) -> None:
    paths = Paths(firmware / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    prepare(paths)
    assert code_to_show(paths) in note_file(paths).read_text()
    assert is_read_only(firmware)
    (paths.page_state / "password.json").write_text('{"hash": "$argon2id$x", "generation": "0123456789abcdef"}')
    prepare(paths)
    assert not note_file(paths).exists()
    assert is_read_only(firmware)


def test_a_writable_one_stays_writable(tmp_path: Path) -> None:
    with writable(tmp_path):
        (tmp_path / "note").write_text("x")
    assert not is_read_only(tmp_path)
