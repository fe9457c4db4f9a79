"""The FAT partition: mounted read-only, made writable for the moment that a file is written."""

import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.files import drafted, write_atomically

log = logging.getLogger("porchlight.fat")

# Seconds that mount may take; more than this is a failing card.
MOUNT_TAKES = 30


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make the file system of a folder writable for the moment, and read-only again if it was so before.

    Each change is written at once and in its order. That it cannot be made read-only again is told in the log: what was
    to be written is written.

    Args:
        folder: any folder on it.

    Raises:
        OSError: it cannot be made writable, which takes root.
    """
    if not is_read_only(folder):
        yield
        return
    mount_point = mount_point_of(folder)
    _remount(mount_point, "rw,sync")
    try:
        yield
    finally:
        _restore(mount_point, "ro")


def replace(path: Path, data: bytes) -> None:
    """Replace a file's content in one step, on a FAT partition that is mounted read-only, as the card's is.

    FAT has no journal. The kernel's rename first gives the content to the file and then takes it from the draft: a
    power cut in between leaves two names of one content, and whoever deletes the one takes it from the other. So the
    changes are only collected here, and written in the other order (fs/fat/namei_vfat.c): the folder's fsync writes
    that the draft is gone, which leaves the file as it was; the file's own writes its new entry. The file is held open
    meanwhile, so that its former content is not given free before that. One that is missing is made first, empty: then
    the renaming adds no name.

    Where the file system is writable already, as a contributor's is, this is ``write_atomically``. So it is on a card
    that could not be made read-only again, until its next start; the order is the kernel's then.

    Args:
        path: the file; its folder must exist.
        data: the whole new content.

    Raises:
        OSError: the partition is full or failing, or cannot be made writable; the file is the old one or the new one,
            and where there was none may be an empty one.
    """
    if not is_read_only(path.parent):
        write_atomically(path, data)
        return
    mount_point = mount_point_of(path.parent)
    with writable(path.parent), _opened(path, os.O_RDONLY | os.O_CREAT), drafted(draft_of(path), data) as draft:
        _remount(mount_point, "rw,async")
        try:
            os.replace(draft, path)
            for written in (path.parent, path):
                with _opened(written, os.O_RDONLY) as descriptor:
                    os.fsync(descriptor)
        finally:
            _restore(mount_point, "rw,sync")


def draft_of(path: Path) -> Path:
    """The draft of one of the two files that are written there: its short name comes and goes in one write."""
    return path.with_name(f"{path.stem[:8].upper()}.NEW")


def tidy(path: Path) -> None:
    """Remove what a power cut has left of a file that was being replaced; that it cannot be is told in the log.

    Args:
        path: the file.
    """
    try:
        if draft_of(path).exists():
            with writable(path.parent):
                draft_of(path).unlink()
    except OSError as error:
        log.warning("A part of %s cannot be removed (%s)", path.name, error.strerror)


def is_read_only(folder: Path) -> bool:
    """Whether the file system of a folder is mounted read-only."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def mount_point_of(folder: Path) -> Path:
    """The mount point of the file system that a folder lies on."""
    place = folder.resolve()
    while not place.is_mount():
        place = place.parent
    return place


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _restore(mount_point: Path, mode: str) -> None:
    try:
        _remount(mount_point, mode)
    except OSError as error:
        log.warning("%s could not be mounted as it was, with %s (%s)", mount_point, mode, error.strerror)


def _remount(mount_point: Path, mode: str) -> None:
    command = ["mount", "-o", f"remount,{mode}", str(mount_point)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MOUNT_TAKES, check=False)
    except subprocess.TimeoutExpired as error:
        raise OSError(5, f"mount did not come back within {MOUNT_TAKES} seconds") from error
    if done.returncode:
        raise OSError(30, done.stderr.strip() or f"mount ended with {done.returncode}")
