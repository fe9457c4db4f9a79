"""Looking into a card with the host's own tools: boot record, FAT by mtools, ext4 by debugfs."""

import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512


@dataclass(frozen=True)
class Entry:
    """One entry of the boot record: type, first byte, length in bytes, whether marked bootable."""

    kind: int
    start: int
    size: int
    bootable: bool


@dataclass(frozen=True)
class Card:
    """An unpacked card in a file, and a folder to put things in."""

    path: Path
    folder: Path

    def record(self) -> bytes:
        """The boot record, the first 512 bytes."""
        with self.path.open("rb") as file:
            return file.read(SECTOR)

    def entries(self) -> list[Entry]:
        """The four entries of the boot record."""
        record = self.record()
        found = []
        for place in range(446, 510, 16):
            flag, kind, first, count = struct.unpack("<B3xB3xII", record[place : place + 16])
            found.append(Entry(kind, first * SECTOR, count * SECTOR, flag == 0x80))
        return found

    def firmware(self) -> Path:
        """The FAT partition's files, copied out once."""
        target = self.folder / "firmware"
        if not target.exists():
            target.mkdir()
            place = f"{self.path}@@{self.entries()[0].start}"
            subprocess.run(["mcopy", "-s", "-i", place, "::*", str(target)], check=True)
        return target

    def partition(self, number: int) -> Path:
        """One partition as a file of its own; holes stay holes."""
        target = self.folder / f"p{number}.img"
        if not target.exists():
            entry = self.entries()[number - 1]
            command = ["dd", f"if={self.path}", f"of={target}", "bs=1M", "conv=sparse", "status=none"]
            command += ["iflag=skip_bytes,count_bytes", f"skip={entry.start}", f"count={entry.size}"]
            subprocess.run(command, check=True)
        return target

    def ask(self, number: int, request: str) -> str:
        """What debugfs says about an ext4 partition."""
        command = ["debugfs", "-R", request, str(self.partition(number))]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def slot(self) -> Path:
        """The files of slot A, copied out once; their owners are lost on the way, `ask` knows them."""
        target = self.folder / "slot"
        if not target.exists():
            target.mkdir()
            subprocess.run(
                ["debugfs", "-R", f"rdump / {target}", str(self.partition(2))], capture_output=True, check=True
            )
        return target
