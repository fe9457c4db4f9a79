"""The block map of the card: which blocks a flasher has to write, and the hash of each run of them.

The format is version 2.0 of bmap-tools. Its own generator takes every hole of a file for "does not matter", but blocks
of zeros matter to a file system: an inode table that keeps what a former owner's card had there is damage. So the
blocks that may be left out are named by those who know: the empty slot, and what ext4 itself calls free.
"""

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from image import layout

BLOCK = 4096
# One hash covers so many blocks at most, so that a flasher notices damage before it has written everything.
LONGEST_RUN = 4096

Run = tuple[int, int]


def make(image: Path) -> str:
    """The block map of a card as text.

    Args:
        image: the card, a multiple of 4 KiB long.
    """
    size = image.stat().st_size
    free = free_runs(image)
    runs = list(mapped(size // BLOCK, free))
    lines = []
    with image.open("rb") as file:
        for first, last in runs:
            file.seek(first * BLOCK)
            digest = hashlib.sha256(file.read((last - first + 1) * BLOCK)).hexdigest()
            numbers = f"{first}" if first == last else f"{first}-{last}"
            lines.append(f'        <Range chksum="{digest}"> {numbers} </Range>\n')
    text = TEXT.format(
        size=size,
        block=BLOCK,
        blocks=size // BLOCK,
        mapped=sum(last - first + 1 for first, last in runs),
        checksum="0" * 64,
        ranges="".join(lines),
    )
    # The file's own hash is taken with zeros in its place.
    return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1)


def mapped(blocks: int, free: list[Run]) -> Iterator[Run]:
    """The runs of blocks that are not free, first and last block included. No input or output here.

    Args:
        blocks: how many there are.
        free: runs that may be left out, in any order, overlapping or not.
    """
    position = 0
    for first, last in [*sorted(free), (blocks, blocks)]:
        while position < first:
            end = min(first, position + LONGEST_RUN)
            yield position, end - 1
            position = end
        position = max(position, last + 1)


def free_runs(image: Path) -> list[Run]:
    """Blocks of the card that nothing reads before it has written them."""
    found = []
    start = layout.GAP
    for partition in layout.PARTITIONS:
        if partition is layout.SLOT_B:
            found.append((start // BLOCK, (start + partition.size) // BLOCK - 1))
        elif partition is not layout.FIRMWARE:
            found += free_of_ext4(_told_by_dumpe2fs(image, start, partition.size), start)
        start += partition.size
    return found


def _told_by_dumpe2fs(image: Path, start: int, size: int) -> str:
    # dumpe2fs 1.47.2 takes whole files only ("?offset=" cannot be resolved).
    with tempfile.NamedTemporaryFile(dir=image.parent) as part:
        command = ["dd", f"if={image}", f"of={part.name}", "bs=1M", "conv=sparse", "status=none"]
        command += ["iflag=skip_bytes,count_bytes", f"skip={start}", f"count={size}"]
        subprocess.run(command, check=True)
        return subprocess.run(["dumpe2fs", part.name], capture_output=True, text=True, check=True).stdout


def free_of_ext4(told: str, start: int) -> Iterator[Run]:
    """What ``dumpe2fs`` calls free, as whole blocks of the card. No input or output here.

    Args:
        told: its output.
        start: where the file system begins on the card, bytes.
    """
    size = re.search(r"^Block size: +(\d+)$", told, re.MULTILINE)
    if size is None:
        return
    block = int(size[1])
    for line in re.findall(r"^  Free blocks: (.+)$", told, re.MULTILINE):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", line):
            begin, end = start + int(first) * block, start + (int(last or first) + 1) * block
            inner = -(-begin // BLOCK), end // BLOCK - 1
            if inner[0] <= inner[1]:
                yield inner


TEXT = """<?xml version="1.0" ?>
<!-- The block map of a card, for bmaptool: it writes what is listed here, and checks every hash while it does. -->
<bmap version="2.0">
    <ImageSize> {size} </ImageSize>
    <BlockSize> {block} </BlockSize>
    <BlocksCount> {blocks} </BlocksCount>
    <MappedBlocksCount> {mapped} </MappedBlocksCount>
    <ChecksumType> sha256 </ChecksumType>
    <BmapFileChecksum> {checksum} </BmapFileChecksum>
    <BlockMap>
{ranges}    </BlockMap>
</bmap>
"""
