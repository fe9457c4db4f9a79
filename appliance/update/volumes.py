"""A disk in a USB socket: whether it is somebody's stick, and its file systems, mounted for one look.

Only the kernel's own drivers for FAT and exFAT read it, which is what sticks are sold with: no other file system is
tried, and no program guesses what is on it (docs/updates.md).
"""

import logging
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from appliance.update.disk import BLOCKS, SLOT_A

log = logging.getLogger(__name__)

MOUNTS = Path("/proc/self/mountinfo")
NAME = re.compile(r"sd[a-z]{1,3}", re.ASCII)
# The file systems that are tried, as the kernel calls them; the most frequent one first, since each driver tells the
# console when it finds another one. What is exFAT is no FAT: where FAT has its figures, exFAT has zeros.
TYPES = ("vfat", "exfat")
# umask: whoever looks is not root.
OPTIONS = "ro,nosuid,nodev,noexec,nosymfollow,umask=0222"
# Partitions; a stick as sold has one, and a Mac makes two.
MOST_PARTITIONS = 8
# Seconds that a mount may take: a slow stick that has to wake up, or one that never answers.
MOUNT_TAKES = 60.0


def why_not(name: str, blocks: Path = BLOCKS, mounts: Path = MOUNTS) -> str:
    """Why a disk is not taken for a stick; empty when it is.

    The disk that the system runs from never is, whatever it hangs on, and neither is another porchlight card.

    Args:
        name: as the kernel calls it, such as ``sda``.
        blocks: where the kernel lists the block devices.
        mounts: where it lists what is mounted (proc_pid_mountinfo(5)).
    """
    if not NAME.fullmatch(name):
        return "this is no name of a USB disk"
    disk = (blocks / name).resolve()
    if not disk.is_dir():
        return "it has gone"
    if not any(_subsystem(one) == "usb" for one in disk.parents):
        return "it does not hang on USB"
    numbers = {line.split()[2] for line in mounts.read_text().splitlines() if line}
    for one in (disk, *_partitions(disk)):
        if _line(one / "dev") in numbers:
            return "something on it is mounted"
        if any((one / "holders").glob("*")):
            return "something on it is in use"
        if f"PARTUUID={SLOT_A.partition('-')[0]}-" in _text(one / "uevent"):
            return "it is a porchlight card"
    return ""


def volumes(name: str, blocks: Path = BLOCKS) -> list[str]:
    """What may hold a file system on a disk: its partitions, and the disk itself, since many sticks have none.

    Args:
        name: as the kernel calls it.
        blocks: where the kernel lists the block devices.
    """
    return [*(one.name for one in _partitions((blocks / name).resolve())[:MOST_PARTITIONS]), name]


@contextmanager
def mounted(names: list[str], place: Path) -> Iterator[list[Path]]:
    """Mount what can be mounted, each in a folder of its own, for as long as the context lasts.

    Args:
        names: block devices, as the kernel calls them.
        place: an empty folder; the mount namespace must be this process's own, so that nobody else sees it.
    """
    there: list[Path] = []
    try:
        for name in names:
            folder = place / name
            folder.mkdir()
            if _mount(Path("/dev") / name, folder):
                there.append(folder)
        yield there
    finally:
        for folder in there:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)
        for name in names:
            # Not rmtree: what is still mounted there is not ours to remove.
            with suppress(OSError):
                (place / name).rmdir()


def _mount(device: Path, folder: Path) -> bool:
    for kind in TYPES:
        # -i: no program in the place of the kernel's driver.
        command = ["mount", "-i", "-t", kind, "-o", OPTIONS, str(device), str(folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_TAKES, check=False)
        except subprocess.TimeoutExpired:
            log.warning("%s does not answer", device.name)
            return False
        if not done.returncode:
            log.info("%s holds %s", device.name, kind)
            return True
    log.info("%s holds neither of %s", device.name, ", ".join(TYPES))
    return False


def _partitions(disk: Path) -> list[Path]:
    found = [one.parent for one in disk.glob(f"{disk.name}*/partition")]
    return sorted(found, key=lambda one: int(_line(one / "partition") or 0))


def _subsystem(device: Path) -> str:
    link = device / "subsystem"
    return link.resolve().name if link.is_symlink() else ""


def _line(path: Path) -> str:
    return _text(path).strip()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        # It is being pulled out.
        return ""
