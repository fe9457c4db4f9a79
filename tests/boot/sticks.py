"""USB sticks in files: as they are sold, and as somebody would make them who means harm."""

import os
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from image.layout import DISK_ID, MIB

# FAT32 begins at some thirty megabytes; what is empty takes no room.
SIZE = 64 * MIB
SECTOR = 512
# Bytes before the first partition of a stick with a table, as all tools have it.
GAP = MIB
# A boot record (MBR): where its disk id, its first entry and its signature are. The kind is FAT32 (LBA).
ID_AT, ENTRY_AT, SIGNATURE_AT = 440, 446, 510
KIND = 0x0C
# FAT32 (Microsoft, "FAT: General Overview of On-Disk Format", 1.03): reserved sectors, number of FATs, sectors of each,
# sectors of a cluster in the boot sector; where the size of a file is in its entry.
RESERVED_AT, FATS_AT, FAT_SIZE_AT, CLUSTER_AT = 14, 16, 36, 13
FILE_SIZE_AT = 28


def fat(path: Path, files: Mapping[str, Path | None], *, size: int = SIZE, table: int | None = None) -> Path:
    """A stick with FAT32.

    Args:
        path: of the stick.
        files: names in its top folder and what is in them; None: a folder of that name.
        size: of the stick, in bytes.
        table: the disk id in its partition table; None: it has no table.
    """
    gap = 0 if table is None else GAP
    with path.open("wb") as file:
        file.truncate(size)
        if table is not None:
            entry = struct.pack("<B3sB3sII", 0, b"\xff" * 3, KIND, b"\xff" * 3, gap // SECTOR, (size - gap) // SECTOR)
            for place, what in ((ID_AT, struct.pack("<I", table)), (ENTRY_AT, entry), (SIGNATURE_AT, b"\x55\xaa")):
                file.seek(place)
                file.write(what)
    blocks = str((size - gap) // 1024)
    _run(["mkfs.vfat", "-F", "32", f"--offset={gap // SECTOR}", "-i", "12345678", str(path), blocks])
    drive = f"{path}@@{gap}"
    for name, content in files.items():
        _run(["mcopy", "-i", drive, str(content), f"::{name}"] if content else ["mmd", "-i", drive, f"::{name}"])
    return path


def exfat(path: Path) -> Path:
    """An empty stick with exFAT and no table."""
    _blank(path)
    _run(["mkfs.exfat", str(path)])
    return path


def ext4(path: Path, folder: Path) -> Path:
    """A stick with the file system of computers that volunteers do not have, and a folder's files on it."""
    _blank(path)
    _run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", str(folder), str(path)])
    return path


def noise(path: Path) -> Path:
    """A stick with nothing on it that anybody understands."""
    path.write_bytes(os.urandom(4 * MIB))
    return path


def torn(path: Path, files: Mapping[str, Path | None]) -> Path:
    """A stick with FAT32 whose tables and folder are noise behind a sound beginning."""
    fat(path, files)
    begin, end = _tables(path)
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(os.urandom(end - begin + 64 * 1024))
    return path


def endless(path: Path, files: Mapping[str, Path | None]) -> Path:
    """A stick with FAT32 whose top folder goes on where it begins."""
    fat(path, files)
    begin, end = _tables(path)
    with path.open("r+b") as file:
        for place in (begin, begin + (end - begin) // 2):
            # The third entry is of the cluster where the top folder begins.
            file.seek(place + 2 * 4)
            file.write(struct.pack("<I", 2))
    return path


def gigantic(path: Path, name: str, file: Path) -> Path:
    """A stick with FAT32 and one file on it that says that it has 4 GiB, on a stick of 64 MiB."""
    fat(path, {name: file})
    content = bytearray(path.read_bytes())
    entry = content.index(b"PORCHL~1RAU")
    content[entry + FILE_SIZE_AT : entry + FILE_SIZE_AT + 4] = b"\xff" * 4
    path.write_bytes(content)
    return path


def foreign_card(path: Path, files: Mapping[str, Path | None]) -> Path:
    """Another porchlight card in a card reader, or a stick that passes itself off as one."""
    return fat(path, files, table=DISK_ID)


def _tables(path: Path) -> tuple[int, int]:
    """Where the two tables of a FAT32 begin, and where the top folder does, in bytes."""
    boot = path.read_bytes()[:SECTOR]
    (reserved,) = struct.unpack_from("<H", boot, RESERVED_AT)
    (size,) = struct.unpack_from("<I", boot, FAT_SIZE_AT)
    return reserved * SECTOR, (reserved + boot[FATS_AT] * size) * SECTOR


def _blank(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SIZE)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
