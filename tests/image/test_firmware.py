"""The check that refuses a card: each thing that a promised board asks for is missed, one by one, and named with it."""

from pathlib import Path

import pytest

from image import boards, drivers, firmware, layout, stages
from image.boards import Board
from image.errors import BuildError
from tests.image.test_drivers import tree

CONFIG = (stages.REPOSITORY / "image/files/boot/firmware/config.txt").read_text()


def purposes(board: Board) -> list[tuple[str, str]]:
    """Each driver that a board needs, with the word of the refusal for what it is for."""
    every = (*board.drivers.by_purpose().items(), ("Wi-Fi", boards.WIFI_DRIVERS))
    return [(driver, purpose) for purpose, names in every for driver in names]


def wifi(board: Board) -> list[tuple[str, ...]]:
    """For each file that a board's Wi-Fi asks for, the names that will do."""
    asked = [names for chip in board.wifi for names in boards.wifi_files(board, chip)]
    return [*asked, *((name,) for name in boards.WIFI_RULES)]


def files(board: Board) -> tuple[str, ...]:
    """What a board asks for on the FAT partition."""
    return (*boards.COMMON, *board.loader, board.tree)


# Each once, whoever needs it: who does is told of it, and nobody else.
FILES = sorted({name for board in boards.BOARDS for name in files(board)})
DRIVERS = sorted({driver for board in boards.BOARDS for driver, _ in purposes(board)})
WIFI = sorted({names for board in boards.BOARDS for names in wifi(board)})


def tree_of(board: Board, compatible: bytes = b"", wifi_node: bytes = boards.WIFI_NODE.encode()) -> bytes:
    """A board's tree, and what U-Boot is told by it."""
    return tree(compatible or board.compatible.encode(), wifi_node) + firmware.START.encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A FAT partition's folder that satisfies every board; the real one is in test_card.py."""
    target = tmp_path / "firmware"
    target.mkdir()
    for board in boards.BOARDS:
        for name in files(board):
            (target / name).write_bytes(b"something")
        (target / board.tree).write_bytes(tree_of(board))
    (target / "config.txt").write_text(CONFIG)
    return target


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A slot's tree with a kernel that has every driver as a module, and all that the Wi-Fi chips load.

    Each driver depends on one module of its own, `core-DRIVER`.
    """
    modules = tmp_path / "root/usr/lib/modules/7.3.4"
    modules.mkdir(parents=True)
    lines = []
    for name in drivers.needed_by_boards():
        for file in (f"{name}.ko.xz", f"core-{name}.ko.xz"):
            (modules / file).write_bytes(b"something")
        lines.append(f"{name}.ko.xz: core-{name}.ko.xz\ncore-{name}.ko.xz:\n")
    (modules / "modules.dep").write_text("".join(lines))
    (modules / "modules.builtin").write_text("kernel/drivers/mmc/core/other.ko\n")
    chips = tmp_path / "root/usr/lib/firmware"
    (chips / "brcm").mkdir(parents=True)
    for board in boards.BOARDS:
        for names in wifi(board):
            (chips / names[0]).write_bytes(b"something")
    return tmp_path / "root"


def refusal(folder: Path, root: Path) -> list[str]:
    """What the check says is wrong, line by line."""
    with pytest.raises(BuildError) as caught:
        firmware.check(folder, root)
    return [line.removeprefix("    - ") for line in caught.value.what.splitlines()[1:]]


def test_a_whole_card_passes(folder: Path, root: Path) -> None:
    firmware.check(folder, root)


@pytest.mark.costly
@pytest.mark.parametrize("name", DRIVERS)
def test_each_missing_driver_is_named_with_its_boards_and_purposes(folder: Path, root: Path, name: str) -> None:
    modules = root / "usr/lib/modules/7.3.4"
    needed = [(board, purpose) for board in boards.BOARDS for driver, purpose in purposes(board) if driver == name]
    (modules / f"core-{name}.ko.xz").unlink()
    missing = [f"{board.name}: driver core-{name}.ko.xz is missing ({purpose})" for board, purpose in needed]
    assert refusal(folder, root) == missing
    (modules / f"core-{name}.ko.xz").write_bytes(b"something")
    (modules / f"{name}.ko.xz").unlink()
    missing = [f"{board.name}: driver {name}.ko.xz is missing ({purpose})" for board, purpose in needed]
    assert refusal(folder, root) == missing
    # A kernel that never had it says so by its lists.
    lines = (modules / "modules.dep").read_text().splitlines(keepends=True)
    (modules / "modules.dep").write_text("".join(line for line in lines if not line.startswith(f"{name}.ko.xz:")))
    unknown = f"The kernel in 7.3.4 has no driver called {name}."
    assert refusal(folder, root) == [f"{board.name}: {unknown} ({purpose})" for board, purpose in needed]
    # One that has it built in needs no file.
    (modules / "modules.builtin").write_text(f"kernel/{name}.ko\n")
    firmware.check(folder, root)


def test_what_reaches_the_card_must_be_in_the_initramfs(
    folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in sorted({name for board in boards.BOARDS for name in board.drivers.card}):
        less = [one for one in drivers.INITRAMFS if drivers.normal(one) != drivers.normal(name)]
        monkeypatch.setattr(drivers, "INITRAMFS", tuple(less))
        named = [board.name for board in boards.BOARDS if name in board.drivers.card]
        assert refusal(folder, root) == [f"{one}: driver {name} is not in the initramfs (SD card)" for one in named]
        monkeypatch.undo()


@pytest.mark.costly
@pytest.mark.parametrize("names", WIFI, ids=lambda names: names[0])
def test_each_missing_or_empty_wifi_file_is_named_with_its_boards(
    folder: Path, root: Path, names: tuple[str, ...]
) -> None:
    fault = f"{' or '.join(names)} is missing or empty (Wi-Fi)"
    expected = [f"{board.name}: {fault}" for board in boards.BOARDS if names in wifi(board)]
    (root / "usr/lib/firmware" / names[0]).write_bytes(b"")
    assert refusal(folder, root) == expected
    (root / "usr/lib/firmware" / names[0]).unlink()
    assert refusal(folder, root) == expected


def test_a_calibration_for_all_boards_will_do(folder: Path, root: Path) -> None:
    chips = root / "usr/lib/firmware/brcm"
    (chips / "brcmfmac43430-sdio.raspberrypi,3-model-b.txt").rename(chips / "brcmfmac43430-sdio.txt")
    firmware.check(folder, root)


@pytest.mark.costly
@pytest.mark.parametrize("name", FILES)
def test_each_missing_or_empty_file_is_named_with_its_boards(folder: Path, root: Path, name: str) -> None:
    expected = [f"{board.name}: {name} is missing or empty" for board in boards.BOARDS if name in files(board)]
    (folder / name).write_bytes(b"")
    # Of a tree and of config.txt more is wrong then.
    assert [line for line in refusal(folder, root) if line.endswith("is missing or empty")] == expected
    (folder / name).unlink()
    assert [line for line in refusal(folder, root) if line.endswith("is missing or empty")] == expected


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: board.tree)
def test_each_board_s_tree_must_be_its_own_and_announce_its_wifi_chip(folder: Path, root: Path, board: Board) -> None:
    path = folder / board.tree
    path.write_bytes(tree_of(board, b"raspberrypi,2-model-b"))
    assert refusal(folder, root) == [f"{board.name}: {board.tree} is for raspberrypi,2-model-b"]
    path.write_bytes(tree_of(board, wifi_node=b"brcm,bcm43438-bt"))
    assert refusal(folder, root) == [f"{board.name}: {board.tree} announces no Wi-Fi chip"]
    path.write_bytes(tree(board.compatible.encode(), boards.WIFI_NODE.encode()))
    assert refusal(folder, root) == [f"{board.name}: {board.tree} does not tell U-Boot to start the card alone"]
    path.write_bytes(b"MZ\0\0")
    (fault,) = refusal(folder, root)
    assert fault.startswith(f"{board.name}: {board.tree}: ")
    assert "shorter than" in fault


def test_the_budget_of_the_partition(folder: Path, root: Path) -> None:
    free = layout.FIRMWARE_BUDGET - sum(path.stat().st_size for path in folder.iterdir())
    with (folder / "big").open("wb") as file:
        file.truncate(free)
    firmware.check(folder, root)
    with (folder / "big").open("wb") as file:
        file.truncate(free + 1)
    budget = layout.FIRMWARE_BUDGET
    assert refusal(folder, root) == [f"the FAT partition holds {budget + 1} bytes, its budget is {budget}"]


@pytest.mark.parametrize("line", ["kernel=u-boot.bin", "upstream_kernel=1", "arm_64bit=1"])
def test_config_must_start_the_loader_on_every_board(folder: Path, root: Path, line: str) -> None:
    (folder / "config.txt").write_text(CONFIG.replace(line, f"# {line}"))
    fault = "config.txt does not start u-boot.bin with the kernel's trees"
    assert refusal(folder, root) == [f"{board.name}: {fault}" for board in boards.BOARDS]


def test_filters_of_other_boards_do_not_count() -> None:
    text = "arm_64bit=1\n[pi4]\narm_boost=1\n[all]\nenable_uart=1\n"
    assert firmware.effective(text, "pi3") == {"arm_64bit=1", "enable_uart=1"}
    assert firmware.effective(text, "pi4") == {"arm_64bit=1", "arm_boost=1", "enable_uart=1"}
