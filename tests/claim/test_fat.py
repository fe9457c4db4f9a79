"""Writing to a partition that is mounted read-only, and leaving it so; the driver here is not FAT."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import fat
from appliance.claim import code_to_show, note_file, prepare
from appliance.fat import mount_point_of, replace, writable
from appliance.paths import Paths


@pytest.fixture
def firmware(tmp_path: Path) -> Iterator[Path]:
    """A file system that is mounted read-only."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root; ./test as root runs this")
    folder = tmp_path / "firmware"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "sync", "none", str(folder)], check=True)
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


def options(folder: Path) -> set[str]:
    """How a file system is mounted."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(set(line[3].split(",")) for line in lines if line[1] == str(folder))


@pytest.mark.parametrize("former", ["old", None])
def test_a_renaming_reaches_the_card_as_one(
    firmware: Path, monkeypatch: pytest.MonkeyPatch, former: str | None
) -> None:
    """Everything else is written at once, in its order, and the former content is not given free before."""
    seen = []

    def look(draft: Path, path: Path) -> None:
        held = [os.readlink(one) for one in Path("/proc/self/fd").iterdir() if one.exists()]
        seen.append((draft.read_text(), path.read_text(), str(path) in held, options(firmware) & {"rw", "sync"}))
        ours(draft, path)

    note = firmware / "inner" / "note"
    if former:
        with writable(firmware):
            note.write_text(former)
    ours = os.replace
    monkeypatch.setattr(os, "replace", look)
    replace(note, b"new")
    assert seen == [("new", former or "", True, {"rw"})]
    assert options(firmware) & {"rw", "ro", "sync"} == {"ro", "sync"}
    assert note.read_text() == "new"
    assert [one.name for one in note.parent.iterdir()] == ["note"]


@pytest.mark.parametrize("mode", ["rw", "rw,async", "rw,sync", "ro"])
def test_a_mount_that_fails_loses_nothing(firmware: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Whichever of the four it is: the file is the old one or the new one, and no part of it lies beside it."""

    def remount(mount_point: Path, wanted: str) -> None:
        if wanted == mode:
            raise OSError(5, "Input/output error")
        ours(mount_point, wanted)

    note = firmware / "inner" / "note"
    with writable(firmware):
        note.write_text("old")
    ours = fat._remount
    monkeypatch.setattr(fat, "_remount", remount)
    with pytest.raises(OSError, match="Input/output"):
        replace(note, b"new")
    assert note.read_text() == ("old" if mode in ("rw", "rw,async") else "new")
    assert [one.name for one in note.parent.iterdir()] == ["note"]
    assert is_read_only(firmware) is (mode != "ro")


def test_a_file_system_that_anybody_may_write_to_is_left_as_it_is(tmp_path: Path) -> None:
    replace(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_text() == "new"
    assert not is_read_only(tmp_path)
