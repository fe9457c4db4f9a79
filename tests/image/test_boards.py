"""docs/boards.md shows the very list by which the build refuses a card."""

import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from image import boards
from image.boards import Board, Proof
from image.firmware import effective
from image.stages import REPOSITORY
from tests.boot.radios import hardware

CONFIG = (REPOSITORY / "image/files/boot/firmware/config.txt").read_text()


def test_the_document_has_the_tables() -> None:
    text = Path(REPOSITORY / "docs/boards.md").read_text()
    for table in (boards.table(), boards.not_promised()):
        assert table in text, f"write this table into docs/boards.md:\n{table}"


def strange(names: Iterable[str]) -> set[str]:
    """Trees of a Pi that stand in neither list, and those in a list that are not there."""
    there = {name for name in names if name.startswith(boards.FAMILIES) and name.endswith(".dtb")}
    known = {board.tree for board in boards.BOARDS} | {board.tree for board in boards.NOT_PROMISED if board.tree}
    return there ^ known


@pytest.mark.image
def test_every_tree_of_the_cards_kernel_is_promised_or_has_a_reason() -> None:
    with tarfile.open(hardware()) as packages:
        names = [Path(name).name for name in packages.getnames() if "/dtb/broadcom/" in name]
    assert not strange(names)
    assert strange([*names, "bcm2712-rpi-500.dtb"]) == {"bcm2712-rpi-500.dtb"}
    assert strange(set(names) - {"bcm2837-rpi-2-b.dtb"}) == {"bcm2837-rpi-2-b.dtb"}


@pytest.mark.parametrize("board", boards.BOARDS, ids=lambda board: str(board.tree))
def test_every_board_has_a_way_into_the_network(board: Board) -> None:
    assert bool(board.drivers.network) == (board.ethernet is not Proof.MISSING)
    assert board.drivers.network or board.wifi
    assert board.unproven


def test_only_one_board_is_emulated_and_none_is_called_proven() -> None:
    assert [board.tree for board in boards.BOARDS if board.starts is Proof.EMULATED] == ["bcm2837-rpi-3-b.dtb"]
    assert len({board.tree for board in boards.BOARDS}) == len(boards.BOARDS)


def test_filters_of_the_loaders_configuration_are_the_boards() -> None:
    filters = {line.strip("[]") for line in CONFIG.splitlines() if line.startswith("[")} - {"all"}
    assert filters <= {board.section for board in boards.BOARDS}
    assert all("upstream_kernel=1" in effective(CONFIG, board.section) for board in boards.BOARDS)
