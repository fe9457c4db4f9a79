"""Every write to an emulated card, in its order, and the card as it was after any of them.

QEMU's blklogwrites driver keeps the log; its format is that of Linux's dm-log-writes (Documentation/admin-guide/
device-mapper/log-writes.rst): one sector about the log, then for each write a sector that describes it and its bytes.
The emulated card is written sector by sector, so that a cut may fall between any two sectors of one write.

The log has no flushes: an emulated card tells the kernel that it has nothing to flush. A real one with a cache (SD 6.0,
class A2) may lose any of what came after the last flush, and ``orders`` finds where the kernel would have sent one.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
# Of one entry: first sector, number of sectors, flags, bytes that follow for a mark.
ENTRY = struct.Struct("<QQQQ")
FLUSH, DISCARD, MARK = 1, 4, 8
# How a block of ext4's journal begins, and the kinds of block before and after which the kernel flushes: one that ends
# a transaction, and the journal's own superblock (the kernel's Documentation/filesystems/ext4/journal.rst).
JOURNAL = struct.Struct(">II")
MAGIC, ENDS, SUPERBLOCK = 0xC03B3998, 2, 4
# Sectors of a block of the data partition (image/filesystems.py).
BLOCK = 4


@dataclass(frozen=True, slots=True)
class Write:
    """One write.

    Args:
        sector: the first one.
        count: how many.
        at: where their bytes stand in the log; None for zeros.
        end: where the log goes on.
    """

    sector: int
    count: int
    at: int | None
    end: int


def read_log(log: Path) -> list[Write]:
    """All writes that are whole in a log; the emulator may have been killed, so what its head says does not count."""
    return list(_entries(log))


def everything_written(log: Path) -> bytes:
    """All that was ever written, one after the other, what was overwritten later too; sectors of zeros left out."""
    data = log.read_bytes()
    ranges = [(one.at, one.at + one.count * SECTOR) for one in read_log(log) if one.at is not None]
    sectors = (data[at : at + SECTOR] for begin, end in ranges for at in range(begin, end, SECTOR))
    return b"".join(sector for sector in sectors if sector.strip(b"\0"))


def _entries(log: Path) -> Iterator[Write]:
    size = log.stat().st_size
    place = SECTOR
    with log.open("rb") as file:
        while place + SECTOR <= size:
            file.seek(place)
            sector, count, flags, length = ENTRY.unpack(file.read(ENTRY.size))
            place += SECTOR
            if flags & MARK:
                place += -(-length // SECTOR) * SECTOR
            elif flags & DISCARD:
                yield Write(sector, count, None, place)
            elif count:
                if place + count * SECTOR > size:
                    return
                yield Write(sector, count, place, place + count * SECTOR)
                place += count * SECTOR
            elif not flags & FLUSH:
                # Nothing has been written here yet.
                return


class Replay:
    """A card that goes through all its writes again.

    Args:
        card: a copy of the card as it was at first; it is changed.
        log: what was written to it.
    """

    def __init__(self, card: Path, log: Path) -> None:
        self.card, self.log = card, log
        self.writes = read_log(log)
        self.done = 0

    def go_to(self, number: int) -> None:
        """Bring the card to where so many writes have reached it.

        Args:
            number: not less than before.
        """
        assert self.done <= number <= len(self.writes)
        self._write(self.card, self.writes[self.done : number])
        self.done = number

    def go_astray(self, card: Path, number: int, start: int, size: int, chance: random.Random) -> int:
        """Bring a copy of the card, as it is now, to where a card that lost some of the last writes would be.

        Args:
            card: the copy.
            number: so many writes were sent.
            start: of what was written from this byte on some is lost; everything else arrived.
            size: so many bytes further on, everything arrived too.
            chance: chooses what is lost.

        Returns:
            How many writes are lost.
        """
        late = self.writes[self.done : number]
        kept = [one for one in late if not start <= one.sector * SECTOR < start + size or chance.random() < 0.5]
        self._write(card, kept)
        return len(late) - len(kept)

    def orders(self, start: int, size: int) -> list[int]:
        """After how many writes everything before had to be on the card for good, as ext4 wants it.

        Args:
            start: of the file system, in bytes.
            size: of it, in bytes.
        """
        found = {0}
        with self.log.open("rb") as log:
            for number, write in enumerate(self.writes):
                if write.at is not None and start <= write.sector * SECTOR < start + size:
                    log.seek(write.at)
                    magic, kind = JOURNAL.unpack(log.read(JOURNAL.size))
                    if magic == MAGIC and kind in (ENDS, SUPERBLOCK):
                        found |= {number, number + max(1, BLOCK // write.count)}
        return sorted(one for one in found if one <= len(self.writes))

    def _write(self, to: Path, writes: list[Write]) -> None:
        with to.open("r+b") as card, self.log.open("rb") as log:
            for write in writes:
                card.seek(write.sector * SECTOR)
                if write.at is None:
                    card.write(bytes(write.count * SECTOR))
                else:
                    log.seek(write.at)
                    card.write(log.read(write.count * SECTOR))

    def number_at(self, place: int) -> int:
        """How many writes were whole when the log was so many bytes long."""
        return sum(write.end <= place for write in self.writes)


def chosen(total: int, wanted: int, edges: list[int]) -> list[int]:
    """Cut points: the ones that were asked for, and others spread evenly over all the writes.

    Args:
        total: how many writes there are.
        wanted: how many cut points.
        edges: moments of which those just before, at and just after have to be among them.
    """
    near = {one + step for one in edges for step in (-1, 0, 1)}
    spread = {round(total * (one + 0.5) / wanted) for one in range(wanted)}
    return sorted(one for one in near | spread if 0 <= one <= total)
