"""Writing to a partition that is mounted read-only, and leaving it so; the driver here is not FAT."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import fat
from appliance.claim import code_to_show, note_file, prepare
from appliance.fat import mount_point_of, replace, tidy, writable
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
def test_the_steps_of_a_renaming(firmware: Path, monkeypatch: pytest.MonkeyPatch, former: str | None) -> None:
    """What they come to on FAT the booted card shows (tests/boot/test_powercut.py).

    The draft is written at once. The renaming is not: its folder comes first, then the file, and the former content is
    not given free before that.
    """
    note = firmware / "inner" / "note"
    if former:
        with writable(firmware):
            note.write_text(former)
    steps: list[str] = []

    def step(name: str) -> None:
        held = any(
            os.readlink(one).split(" ")[0] == str(note) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()
        )
        at_once = "sync" if "sync" in options(firmware) else "later"
        steps.append(f"{name} {at_once} {'held' if held else 'free'}")

    def rename(draft: Path, path: Path) -> None:
        assert (draft.read_text(), path.read_text()) == ("new", former or "")
        ours(draft, path)
        step("renamed")

    def write(descriptor: int) -> None:
        step(f"{Path(os.readlink(f'/proc/self/fd/{descriptor}')).name} written")

    def remount(mount_point: Path, mode: str) -> None:
        step(mode)
        our_remount(mount_point, mode)

    ours, our_remount = os.replace, fat._remount
    monkeypatch.setattr(os, "replace", rename)
    monkeypatch.setattr(os, "fsync", write)
    monkeypatch.setattr(fat, "_remount", remount)
    replace(note, b"new")
    assert steps == [
        "rw,sync sync free",
        "NOTE.NEW written sync held",
        "rw,async sync held",
        "renamed later held",
        "inner written later held",
        "note written later held",
        "rw,sync later held",
        "ro sync free",
    ]
    assert note.read_text() == "new"
    assert [one.name for one in note.parent.iterdir()] == ["note"]
    assert options(firmware) & {"rw", "ro", "sync"} == {"ro", "sync"}


@pytest.mark.parametrize("calls", range(3))
def test_a_card_that_fails_while_it_is_written_is_told_and_keeps_a_whole_file(
    firmware: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """The draft, its folder, the file: whichever of them does not reach the card."""
    called = iter(range(3))

    def write(descriptor: int) -> None:
        if next(called) == calls:
            raise OSError(5, "Input/output error")

    note = firmware / "inner" / "note"
    with writable(firmware):
        note.write_text("old")
    monkeypatch.setattr(os, "fsync", write)
    with pytest.raises(OSError, match="Input/output"):
        replace(note, b"new")
    assert note.read_text() == ("new" if calls else "old")
    assert [one.name for one in note.parent.iterdir()] == ["note"]
    assert options(firmware) & {"ro", "sync"} == {"ro", "sync"}


@pytest.mark.parametrize("mode", ["rw,sync", "rw,async"])
def test_what_cannot_be_mounted_for_writing_keeps_the_former_file(
    firmware: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    note = firmware / "inner" / "note"
    with writable(firmware):
        note.write_text("old")
    refuse(monkeypatch, mode, 1)
    with pytest.raises(OSError, match="Input/output"):
        replace(note, b"new")
    assert note.read_text() == "old"
    assert [one.name for one in note.parent.iterdir()] == ["note"]
    assert is_read_only(firmware)


@pytest.mark.parametrize(("mode", "after"), [("rw,sync", 1), ("ro", 0)])
def test_what_is_written_is_not_said_to_be_refused(
    firmware: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, mode: str, after: int
) -> None:
    """Only that it could not be mounted as it was."""
    note = firmware / "inner" / "note"
    refuse(monkeypatch, mode, after + 1)
    replace(note, b"new")
    assert note.read_text() == "new"
    assert f"could not be mounted as it was, with {mode} (Input/output error)" in caplog.text
    assert is_read_only(firmware) is (mode != "ro")


def refuse(monkeypatch: pytest.MonkeyPatch, mode: str, number: int) -> None:
    """Let the mount in a mode fail at its first or second time."""

    def remount(mount_point: Path, wanted: str) -> None:
        tries.append(wanted)
        if wanted == mode and tries.count(mode) == number:
            raise OSError(5, "Input/output error")
        ours(mount_point, wanted)

    tries: list[str] = []
    ours = fat._remount
    monkeypatch.setattr(fat, "_remount", remount)


def test_a_file_system_that_anybody_may_write_to_is_left_as_it_is(tmp_path: Path) -> None:
    replace(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_text() == "new"
    assert not is_read_only(tmp_path)


def test_what_a_cut_has_left_is_removed_and_nothing_else(firmware: Path) -> None:
    keeps = {"porchlight.toml", "porchlight.toml.new", "PORCHL.NEW", "CLAIM-CO.NEW"}
    with writable(firmware):
        for name in (*keeps, "PORCHLIG.NEW"):
            (firmware / "inner" / name).write_text("x")
    tidy(firmware / "inner" / "porchlight.toml")
    assert {one.name for one in (firmware / "inner").iterdir()} == keeps
    assert is_read_only(firmware)
    tidy(firmware / "nowhere" / "note")


def test_what_a_cut_has_left_may_be_in_the_way_of_nothing(
    firmware: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with writable(firmware):
        (firmware / "NOTE.NEW").write_text("x")
    refuse(monkeypatch, "rw,sync", 1)
    tidy(firmware / "note")
    assert "A part of note cannot be removed (Input/output error)" in caplog.text
    assert is_read_only(firmware)
