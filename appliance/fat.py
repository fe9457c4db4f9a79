"""The FAT partition: mounted read-only, made writable for the moment that a file is written."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    if not os.statvfs(folder).f_flag & os.ST_RDONLY:
        yield
        return
    mount_point = mount_point_of(folder)
    _remount(mount_point, "rw")
    try:
        yield
    finally:
        _remount(mount_point, "ro")


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
