"""Files that are old or new, never half: what a pulled plug may do to them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What may come of reading a file that is missing or damaged, whatever stands in it: nothing else. A number with more
# digits than a float holds is an OverflowError, and more brackets than can be nested are a RecursionError.
UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
# When a file was changed, its size, its inode.
Stamp = tuple[int, int, int]


def stamp(path: Path) -> Stamp | None:
    """What changes when a file does; None while there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> None:
    """Replace ``path`` by ``data`` in one step.

    Args:
        path: the file; its folder must exist.
        data: the whole new content.
        mode: permission bits, set before the content is written, so that a secret is never readable in between.
        durable: whether to wait until the card has it; a status file in RAM does not need that.

    Raises:
        OSError: the disk is full or failing, or the folder is not writable; the old file is untouched.
    """
    # By this name the initramfs knows what a power cut leaves of one.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    with drafted(temporary, data, mode=mode, durable=durable) as draft:
        os.replace(draft, path)
    if durable:
        # Without this the rename itself may be lost with the power (ext4, rename(2)).
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def drafted(temporary: Path, data: bytes, *, mode: int = 0o644, durable: bool = True) -> Iterator[Path]:
    """A file with the whole new content of another one, to be renamed; removed if anything fails.

    Args:
        temporary: its name, in the folder of the other one.
        data: the content.
        mode: permission bits.
        durable: whether the card has the draft before it is used.

    Raises:
        OSError: the disk is full or failing, or the folder is not writable.
    """
    # Root writes into folders of less trusted services: never through a link that one of them put there.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, mode)
    try:
        try:
            os.fchmod(descriptor, mode)
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        yield temporary
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
