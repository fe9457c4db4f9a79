"""The check that refuses a card: each kind of thing that can be missing is found."""

from pathlib import Path

import pytest

from image import boards, drivers, firmware, layout, stages
from image.errors import BuildError

CONFIG = (stages.REPOSITORY / "image/files/boot/firmware/config.txt").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A FAT partition's folder that satisfies every board; trees are believed, the real ones are in test_card.py."""
    target = tmp_path / "firmware"
    target.mkdir()
    for board in boards.BOARDS:
        for name in (*boards.COMMON, *board.loader, board.tree):
            (target / name).write_bytes(b"something")
    (target / "config.txt").write_text(CONFIG)
    monkeypatch.setattr(firmware, "tree_faults", lambda board, path: [])
    monkeypatch.setattr(drivers, "closure", lambda folder, names: [])
    return target


def test_a_whole_card_passes(folder: Path) -> None:
    firmware.check(folder, folder)


@pytest.mark.parametrize("name", ["bootcode.bin", "start4.elf", "u-boot.bin", "bcm2712-rpi-5-b.dtb", "boot.scr"])
def test_a_missing_file_is_named_with_its_board(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BuildError, match=f"{name} is missing") as caught:
        firmware.check(folder, folder)
    assert "Raspberry Pi" in caught.value.what


def test_an_empty_file_is_as_bad_as_none(folder: Path) -> None:
    (folder / "start.elf").write_bytes(b"")
    with pytest.raises(BuildError, match=r"start\.elf is missing or empty"):
        firmware.check(folder, folder)


def test_the_budget_of_the_partition(folder: Path) -> None:
    with (folder / "big").open("wb") as file:
        file.truncate(layout.FIRMWARE_BUDGET)
    with pytest.raises(BuildError, match="its budget is"):
        firmware.check(folder, folder)


@pytest.mark.parametrize("line", ["kernel=u-boot.bin", "upstream_kernel=1", "arm_64bit=1"])
def test_config_must_start_the_loader(folder: Path, line: str) -> None:
    (folder / "config.txt").write_text(CONFIG.replace(line, f"# {line}"))
    with pytest.raises(BuildError, match=r"config\.txt"):
        firmware.check(folder, folder)


def test_filters_of_other_boards_do_not_count() -> None:
    text = "arm_64bit=1\n[pi4]\narm_boost=1\n[all]\nenable_uart=1\n"
    assert firmware.effective(text, "pi3") == {"arm_64bit=1", "enable_uart=1"}
    assert firmware.effective(text, "pi4") == {"arm_64bit=1", "arm_boost=1", "enable_uart=1"}


def test_what_is_not_a_device_tree_is_refused(tmp_path: Path) -> None:
    tree = tmp_path / boards.BOARDS[0].tree
    tree.write_bytes(b"MZ\0\0")
    (fault,) = firmware.tree_faults(boards.BOARDS[0], tree)
    assert boards.BOARDS[0].name in fault
    assert "shorter than" in fault
