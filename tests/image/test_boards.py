"""docs/boards.md shows the very list by which the build refuses a card."""

from pathlib import Path

import pytest

from image import boards
from image.boards import Board, Proof
from image.firmware import effective
from image.stages import REPOSITORY

CONFIG = (REPOSITORY / "image/files/boot/firmware/config.txt").read_text()


def test_the_document_has_the_table() -> None:
    text = Path(REPOSITORY / "docs/boards.md").read_text()
    assert boards.table() in text, f"write this table into docs/boards.md:\n{boards.table()}"


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
