"""The FAT partition: mounted read-only, made writable for the moment that a file is written."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.files import drafted, write_atomically

# Seconds that mount may take; more than this is a failing card.
MOUNT_TAKES = 30


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make the file system of a folder writable for the moment, and read-only again if it was so before.

    Args:
        folder: any folder on it.

    Raises:
        OSError: it cannot be made writable, which takes root.
    """
    if not is_read_only(folder):
        yield
        return
    mount_point = mount_point_of(folder)
    _remount(mount_point, "rw")
    try:
        yield
    finally:
        _remount(mount_point, "ro")


def replace(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, on a file system that is mounted read-only or not.

    FAT has no journal, and on the card it writes each change at once (``sync``, image/initramfs/init): between the two
    of a rename the content has two names, and whoever deleted the one would take it from the other. So both changes are
    collected and written together, which is one sector where both names stand in one, as on any fresh card. The old
    content stays where it is until then: its clusters are given free when the last one who reads it has closed it.

    Args:
        path: the file; its folder must exist.
        data: the whole new content.

    Raises:
        OSError: the partition is full or failing, or cannot be made writable; the old file is untouched, and where
            there was none may be an empty one.
    """
    if not is_read_only(path.parent):
        write_atomically(path, data)
        return
    mount_point = mount_point_of(path.parent)
    with writable(path.parent):
        # A name that is there needs no more room in its folder, whose growth would have to be written in its own order.
        path.touch()
        with path.open("rb"), drafted(path, data) as draft:
            _remount(mount_point, "rw,async")
            try:
                os.replace(draft, path)
            finally:
                _remount(mount_point, "rw,sync")


def is_read_only(folder: Path) -> bool:
    """Whether the file system of a folder is mounted read-only."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def mount_point_of(folder: Path) -> Path:
    """The mount point of the file system that a folder lies on."""
    place = folder.resolve()
    while not place.is_mount():
        place = place.parent
    return place


def _remount(mount_point: Path, mode: str) -> None:
    command = ["mount", "-o", f"remount,{mode}", str(mount_point)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_TAKES, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(5, f"mount did not come back within {MOUNT_TAKES} seconds") from error
    if done.returncode:
        raise OSError(30, done.stderr.strip() or f"mount ended with {done.returncode}")
