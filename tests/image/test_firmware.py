"""The check that refuses a card: each kind of thing that can be missing is found."""

from pathlib import Path

import pytest

from image import boards, drivers, firmware, layout, stages
from image.errors import BuildError
from tests.image.test_drivers import tree

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
    return target


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A slot's tree with a kernel that has every driver as a module, and all that the Wi-Fi chips load."""
    modules = tmp_path / "root/usr/lib/modules/7.3.4"
    modules.mkdir(parents=True)
    for name in drivers.needed_by_boards():
        (modules / f"{name}.ko.xz").write_bytes(b"something")
    (modules / "modules.dep").write_text("".join(f"{name}.ko.xz:\n" for name in drivers.needed_by_boards()))
    (modules / "modules.builtin").write_text("kernel/drivers/mmc/core/other.ko\n")
    chips = tmp_path / "root/usr/lib/firmware"
    (chips / "brcm").mkdir(parents=True)
    asked = [names for board in boards.BOARDS for chip in board.wifi for names in boards.wifi_files(board, chip)]
    for names in (*asked, *((name,) for name in boards.WIFI_RULES)):
        (chips / names[0]).write_bytes(b"something")
    return tmp_path / "root"


def test_a_whole_card_passes(folder: Path, root: Path) -> None:
    firmware.check(folder, root)


@pytest.mark.parametrize(
    ("name", "purpose", "board"),
    [
        ("sdhci-iproc", "SD card", "Raspberry Pi Zero 2 W"),
        ("sdhci-brcmstb", "SD card", "Raspberry Pi 5"),
        ("smsc95xx", "network", "Raspberry Pi 3 Model B"),
        ("lan78xx", "network", r"Raspberry Pi 3 Model B\+"),
        ("genet", "network", "Raspberry Pi 400"),
        ("macb", "network", "Raspberry Pi 5"),
        ("dwc2", "USB", r"Raspberry Pi 3 Model A\+"),
        ("xhci-pci", "USB", "Raspberry Pi Compute Module 4"),
        ("pinctrl-rp1", "board", "Raspberry Pi 5"),
        ("brcmfmac", "Wi-Fi", "Raspberry Pi 4 Model B"),
        ("brcmfmac-wcc", "Wi-Fi", "Raspberry Pi Zero 2 W"),
    ],
)
def test_a_missing_driver_is_named_with_its_board_and_purpose(
    folder: Path, root: Path, name: str, purpose: str, board: str
) -> None:
    modules = root / "usr/lib/modules/7.3.4"
    (modules / f"{name}.ko.xz").unlink()
    with pytest.raises(BuildError, match=rf"{board}: driver {name}\.ko\.xz is missing \({purpose}\)"):
        firmware.check(folder, root)
    # A kernel that never had it says so by its lists.
    (modules / "modules.dep").write_text((modules / "modules.dep").read_text().replace(f"{name}.ko.xz:\n", ""))
    with pytest.raises(BuildError, match=rf"{board}: .*no driver called {name}\. \({purpose}\)"):
        firmware.check(folder, root)
    # One that has it built in needs no file.
    (modules / "modules.builtin").write_text(f"kernel/{name}.ko\n")
    firmware.check(folder, root)


@pytest.mark.parametrize(
    ("name", "board"),
    [
        ("brcm/brcmfmac43430-sdio.bin", "Raspberry Pi Zero 2 W"),
        ("brcm/brcmfmac43455-sdio.clm_blob", "Raspberry Pi 5"),
        ("brcm/brcmfmac43456-sdio.raspberrypi,400.txt", "Raspberry Pi 400"),
        ("brcm/brcmfmac43430-sdio.raspberrypi,3-model-b.txt", "Raspberry Pi 3 Model B"),
        ("regulatory.db", "Raspberry Pi 3 Model B"),
        ("regulatory.db.p7s", "Raspberry Pi 400"),
    ],
)
def test_a_missing_or_empty_wifi_file_is_named_with_its_board(folder: Path, root: Path, name: str, board: str) -> None:
    (root / "usr/lib/firmware" / name).write_bytes(b"")
    with pytest.raises(BuildError, match=rf"{board}: {name}.* is missing or empty \(Wi-Fi\)"):
        firmware.check(folder, root)


def test_a_calibration_for_all_boards_will_do(folder: Path, root: Path) -> None:
    chips = root / "usr/lib/firmware/brcm"
    (chips / "brcmfmac43430-sdio.raspberrypi,3-model-b.txt").rename(chips / "brcmfmac43430-sdio.txt")
    firmware.check(folder, root)


@pytest.mark.parametrize("name", ["bootcode.bin", "start4.elf", "u-boot.bin", "bcm2712-rpi-5-b.dtb", "boot.scr"])
def test_a_missing_file_is_named_with_its_board(folder: Path, root: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BuildError, match=f"{name} is missing") as caught:
        firmware.check(folder, root)
    assert "Raspberry Pi" in caught.value.what


def test_an_empty_file_is_as_bad_as_none(folder: Path, root: Path) -> None:
    (folder / "start.elf").write_bytes(b"")
    with pytest.raises(BuildError, match=r"start\.elf is missing or empty"):
        firmware.check(folder, root)


def test_the_budget_of_the_partition(folder: Path, root: Path) -> None:
    with (folder / "big").open("wb") as file:
        file.truncate(layout.FIRMWARE_BUDGET)
    with pytest.raises(BuildError, match="its budget is"):
        firmware.check(folder, root)


@pytest.mark.parametrize("line", ["kernel=u-boot.bin", "upstream_kernel=1", "arm_64bit=1"])
def test_config_must_start_the_loader(folder: Path, root: Path, line: str) -> None:
    (folder / "config.txt").write_text(CONFIG.replace(line, f"# {line}"))
    with pytest.raises(BuildError, match=r"config\.txt"):
        firmware.check(folder, root)


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


def test_a_tree_without_a_wifi_chip_is_refused(tmp_path: Path) -> None:
    board = boards.BOARDS[0]
    path = tmp_path / board.tree
    path.write_bytes(tree(board.compatible.encode(), boards.WIFI_NODE.encode()))
    assert firmware.tree_faults(board, path) == []
    path.write_bytes(tree(board.compatible.encode(), b"brcm,bcm43438-bt"))
    assert firmware.tree_faults(board, path) == [f"{board.name}: {board.tree} announces no Wi-Fi chip"]
    path.write_bytes(tree(b"raspberrypi,2-model-b", boards.WIFI_NODE.encode()))
    assert firmware.tree_faults(board, path) == [f"{board.name}: {board.tree} is for raspberrypi,2-model-b"]
