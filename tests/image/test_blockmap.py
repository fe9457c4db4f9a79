"""The block map: what may be left out, and that a card written by it over another one's remains is whole."""

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image import blockmap, layout
from tests.image.card import Card

TOLD = """\
Filesystem volume name:   porchlight-data
Block count:              64
Block size:               2048

Group 0: (Blocks 0-31)
  Block bitmap at 3 (+3)
  5 free blocks, 11 free inodes, 2 directories
  Free blocks: 5-8, 20
  Free inodes: 12-16
Group 1: (Blocks 32-63)
  Free blocks: 40-63
"""


def test_only_whole_blocks_are_left_out() -> None:
    # Blocks of 2 KiB: 5 begins in the middle of a block of the card, 20 is half of one.
    assert list(blockmap.free_of_ext4(TOLD, start=0)) == [(3, 3), (20, 31)]
    assert list(blockmap.free_of_ext4(TOLD, start=blockmap.BLOCK * 100)) == [(103, 103), (120, 131)]


def test_what_is_no_file_system_is_written_whole() -> None:
    assert list(blockmap.free_of_ext4("dumpe2fs: Bad magic number in super-block", start=0)) == []


runs = st.lists(st.tuples(st.integers(0, 20000), st.integers(0, 9000)).map(lambda run: (run[0], run[0] + run[1])))


@given(blocks=st.integers(0, 30000), free=runs)
@pytest.mark.costly
def test_every_block_is_either_free_or_written_once(blocks: int, free: list[tuple[int, int]]) -> None:
    free = [(first, min(last, blocks - 1)) for first, last in free if first < blocks]
    unwritten = set().union(*(range(first, last + 1) for first, last in free))
    written = [block for first, last in blockmap.mapped(blocks, free) for block in range(first, last + 1)]
    assert written == [block for block in range(blocks) if block not in unwritten]
    assert all(last - first < blockmap.LONGEST_RUN for first, last in blockmap.mapped(blocks, free))


@pytest.mark.image
def test_a_card_full_of_something_else_is_whole_after_bmaptool(card: Card, packed: Path, tmp_path: Path) -> None:
    written = tmp_path / "used.img"
    beside = packed.with_name(packed.name.removesuffix(".xz") + ".bmap")
    # It checks every hash, that of the map itself included.
    subprocess.run(["bmaptool", "-q", "copy", "--bmap", str(beside), str(packed), str(written)], check=True)
    left_out = unwritten(beside.read_text())
    with written.open("r+b") as file:
        # bmaptool empties a file first; on a card the former owner's bytes would still be there.
        for block in left_out:
            file.seek(block * blockmap.BLOCK)
            file.write(b"\xa5" * blockmap.BLOCK)
    used = Card(written, tmp_path)
    assert used.record() == card.record()
    subprocess.run(["fsck.vfat", "-n", str(used.partition(1))], check=True)
    for number in (2, 4):
        subprocess.run(["e2fsck", "-f", "-n", str(used.partition(number))], check=True)
    assert used.ask(2, "cat /usr/lib/os-release") == card.ask(2, "cat /usr/lib/os-release") != ""
    # Most of a card is empty: the whole second slot, and more than half of the first.
    assert len(left_out) * blockmap.BLOCK > layout.SLOT_B.size + layout.SLOT_A.size // 2


def unwritten(text: str) -> list[int]:
    """The blocks that a map does not list."""
    root = ElementTree.fromstring(text)  # noqa: S314 - written by our own build
    listed: set[int] = set()
    for found in root.iter("Range"):
        first, _, last = (found.text or "").strip().partition("-")
        listed.update(range(int(first), int(last or first) + 1))
    assert len(listed) == int(root.findtext("MappedBlocksCount", ""))
    return [block for block in range(int(root.findtext("BlocksCount", ""))) if block not in listed]
