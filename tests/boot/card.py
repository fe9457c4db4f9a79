"""A memory card with the image that ships: unpacked, and changed only as its owner could change it."""

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
PIECE = 1024 * 1024
# Bytes; the first entry of the partition table in the boot record, their size, and where in one its first sector is.
FIRST_ENTRY = 446
ENTRY_SIZE = 16
FIRST_SECTOR_AT = 8
# A Pi 3 Model B, revision 1.2, as its loader would write it into the tree; the emulator has no loader.
REVISION = 0xA02082
TREE = "bcm2837-rpi-3-b.dtb"
# The GPIO of the light ACT on a Pi 3 B+ (bcm2837-rpi-3-b-plus.dts).
ACT = 29


@dataclass(frozen=True, slots=True)
class Card:
    """One card.

    Args:
        path: the file that stands for it.
    """

    path: Path

    def read(self, name: str) -> bytes:
        """A file of the FAT partition, as any computer would read it."""
        return self._mtools("mcopy", f"::{name}", "-")

    def write(self, name: str, content: bytes) -> None:
        """Write a file to the FAT partition, as any computer would."""
        self._mtools("mcopy", "-o", "-", f"::{name}", stdin=content)

    def names(self) -> list[str]:
        """What lies on the FAT partition."""
        return self._mtools("mdir", "-b", "::").decode().replace("::/", "").split("\n")[:-1]

    def damage(self, partition: int, content: bytes) -> None:
        """Write over the beginning of a partition.

        Args:
            partition: its number, from 1.
            content: what stands there afterwards.
        """
        with self.path.open("r+b") as file:
            file.seek(self._start(partition))
            file.write(content)

    def copy(self, to: Path) -> "Card":
        """The same once more; what is empty takes no room."""
        _run(["cp", "--sparse=always", str(self.path), str(to)])
        return Card(to)

    def take(self, partition: int, to: Path) -> Path:
        """A partition's content as a file; what is empty takes no room and no time."""
        start, size = self.range(partition)
        with self.path.open("rb") as file, to.open("wb") as out:
            out.truncate(size)
            place = start
            while place < start + size:
                try:
                    place = os.lseek(file.fileno(), place, os.SEEK_DATA)
                    hole = min(os.lseek(file.fileno(), place, os.SEEK_HOLE), start + size)
                except OSError:
                    # No more data.
                    break
                while place < hole:
                    content = os.pread(file.fileno(), min(PIECE, hole - place), place)
                    os.pwrite(out.fileno(), content, place - start)
                    place += len(content)
        return to

    def range(self, partition: int) -> tuple[int, int]:
        """Where a partition begins and how long it is, in bytes."""
        with self.path.open("rb") as file:
            record = file.read(SECTOR)
        entry = FIRST_ENTRY + (partition - 1) * ENTRY_SIZE
        start, length = struct.unpack_from("<II", record, entry + FIRST_SECTOR_AT)
        return start * SECTOR, length * SECTOR

    def fill(self, partition: int, content: Path, offset: int = 0) -> None:
        """Write a file into a partition, so many bytes from its beginning."""
        with self.path.open("r+b") as file, content.open("rb") as source:
            file.seek(self._start(partition) + offset)
            shutil.copyfileobj(source, file, 1024 * 1024)

    def _start(self, partition: int) -> int:
        """Where a partition begins, in bytes."""
        return self.range(partition)[0]

    def _mtools(self, command: str, *arguments: str, stdin: bytes = b"") -> bytes:
        call = [command, "-i", f"{self.path}@@{self._start(1)}", *arguments]
        return _run(call, stdin)


def unpack(image: Path, to: Path) -> Card:
    """Write the image to a new card.

    Args:
        image: the packed image, as somebody downloads it.
        to: the card; twice as large, as most are, and a power of two, since an emulated one has no other size.
    """
    with to.open("wb") as file:
        subprocess.run(["xz", "--decompress", "--stdout", str(image)], stdout=file, check=True)
        size = file.seek(0, 2)
        file.truncate(1 << size.bit_length())
    return Card(to)


def loader_files(card: Card, folder: Path) -> tuple[Path, Path]:
    """What the Pi's own loader would load from the card: U-Boot, and the board's device tree.

    The emulator has no VideoCore, so the loader's part is done here: these two files are taken off the card's FAT
    partition, and the board's revision is written into the tree. The tree's Bluetooth chip is left out: the
    emulated board has none, and its serial port is free for a shell. The board's own light
    is moved to a pin that the emulated chip has.

    Returns:
        U-Boot and the tree, in ``folder``.
    """
    loader, tree = folder / "u-boot.bin", folder / TREE
    loader.write_bytes(card.read("u-boot.bin"))
    tree.write_bytes(card.read(TREE))
    _run(["fdtput", "-c", str(tree), "/system"])
    _run(["fdtput", "-t", "x", str(tree), "/system", "linux,revision", f"{REVISION:x}"])
    _run(["fdtput", "-r", str(tree), "/soc/serial@7e201000/bluetooth"])
    # The light on the board hangs on the firmware's own chip, which is not emulated; on a Pi 3 B+ it hangs on a pin.
    pins = _run(["fdtget", "-t", "x", str(tree), "/soc/gpio@7e200000", "phandle"]).decode().strip()
    _run(["fdtput", "-t", "x", str(tree), "/leds/led-act", "gpios", pins, f"{ACT:x}", "0"])
    return loader, tree


def _run(call: list[str], stdin: bytes = b"") -> bytes:
    done = subprocess.run(call, input=stdin, capture_output=True)
    assert done.returncode == 0, f"{' '.join(call)}: {done.stderr.decode(errors='replace')}"
    return done.stdout
