"""Fetching a bundle to the card before it is installed, where redirects lead to it.

RAUC follows a redirect once, when it begins to stream, and asks for every piece where it was sent then. A public
release page sends to an address that is good for some minutes, so on a slow line RAUC would fail, each night anew. Here
each part is asked for at the feed's own address, and so comes from a fresh one; where the line breaks it goes on later.
What was fetched is installed as a file that the owner has brought is: nothing is believed of it before RAUC has looked.
"""

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from appliance.clock import since_boot
from appliance.errors import UpdateError
from appliance.files import stamp
from appliance.paths import Paths
from appliance.text import text
from appliance.update import LARGEST_BUNDLE, draft, web
from appliance.update.bundle import DAMAGED, NOT_INSTALLED
from appliance.update.order import is_address

log = logging.getLogger(__name__)

HOURS = 3600.0
# Bytes that are asked for at once, a few seconds on a fast line; and that come before the card has to have them.
PART = 8 * 1024 * 1024
# Seconds before the next try, by how many there were since anything has come; then it is given up until the next night.
# In all more than a line is away that its provider breaks once a day, and each less than ``STALE_AFTER`` of the status.
PAUSES = (10.0, 30.0, 60.0, 120.0, 120.0)
# Seconds for the whole of it; an hour is left for the slot before systemd ends the service without a word of its own.
TAKES = 3 * HOURS

Progress = Callable[[int], None]


@contextmanager
def at_hand(
    source: str, paths: Paths, progress: Progress, wait: Callable[[float], None] = time.sleep
) -> Iterator[tuple[str, Progress]]:
    """Have a bundle where RAUC can take it from; what was fetched for it is gone afterwards.

    Args:
        source: a file, or an HTTPS address.
        paths: where this instance keeps its files.
        progress: told the percentage of the whole now and then.
        wait: sleeps.

    Returns:
        A file, or an address that RAUC can stream from; and what is to be told how far RAUC is.

    Raises:
        UpdateError: it cannot be had, or there is no room for it.
    """
    whole = web.in_parts(source) if is_address(source) else None
    if whole is None or not whole.moved:
        yield source, progress
        return
    log.info("Redirects lead to the update: its %s bytes are fetched first", whole.size)
    try:
        fetch(source, whole, paths, lambda percent: progress(percent // 2), wait)
        yield str(paths.update_download), lambda percent: progress(50 + percent // 2)
    finally:
        # Where it cannot be taken away, the next start does it (tmpfiles.d).
        with suppress(OSError):
            paths.update_download.unlink()


def fetch(
    address: str, whole: web.Whole, paths: Paths, progress: Progress, wait: Callable[[float], None] = time.sleep
) -> None:
    """Fetch a bundle into a file of its own (``Paths.update_download``).

    Args:
        address: of the bundle.
        whole: what its server said of it.
        paths: where this instance keeps its files.
        progress: told the percentage now and then.
        wait: sleeps.

    Raises:
        UpdateError: it is too large, or there is no room for it; its server does not answer any more, or has another
            file meanwhile; the card cannot be written; or the owner has brought a file, which comes first.
    """
    if not 0 < whole.size <= LARGEST_BUNDLE:
        raise UpdateError(DAMAGED, NOT_INSTALLED, web.TOMORROW)
    try:
        with _folder(paths) as folder:
            target = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o640, dir_fd=folder)
            try:
                # Whatever the umask: root reads what the folder's group may, as it does what the page has taken.
                os.fchmod(target, 0o640)
                name = paths.update_download.name
                # Of a run that was ended while RAUC was at it; it needs room, too.
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
                _make_room(target, whole.size)
                _fill(target, address, whole, paths, progress, wait)
                # link(2), which Python takes where no folder is given, would link the link; linkat(2) follows it.
                os.link(f"/proc/self/fd/{target}", name, dst_dir_fd=folder, follow_symlinks=True)
            finally:
                os.close(target)
    except OSError as error:
        raise draft.failed(error) from error


@contextmanager
def _folder(paths: Paths) -> Iterator[int]:
    folder = os.open(paths.update_download.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield folder
    finally:
        os.close(folder)


def _make_room(target: int, size: int) -> None:
    """Take the room at once: so the card does not become full in the middle, for this or for anybody else."""
    # The owner may be about to bring a file of any size that is taken.
    draft.check_room(target, size, LARGEST_BUNDLE)
    try:
        os.posix_fallocate(target, 0, size)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise draft.no_room() from error
        raise


def _fill(
    target: int, address: str, whole: web.Whole, paths: Paths, progress: Progress, wait: Callable[[float], None]
) -> None:
    done = kept = vain = 0
    deadline, brought = since_boot() + TAKES, stamp(paths.update_upload)
    while done < whole.size:
        try:
            with web.part(address, done, min(done + PART, whole.size) - 1) as (found, pieces):
                if (found.size, found.tag) != (whole.size, whole.tag):
                    # Another file: what is there already does not belong to it.
                    raise UpdateError(DAMAGED, NOT_INSTALLED, web.TOMORROW)
                for piece in pieces:
                    draft.write(target, piece)
                    done, vain = done + len(piece), 0
                    progress(done * 100 // whole.size)
                    if since_boot() > deadline:
                        raise TimeoutError("timed out")
                    if stamp(paths.update_upload) not in (None, brought):
                        # Its wish waits until this ends. The restart into what this is for would take both away.
                        raise UpdateError(text("The file is being looked at."), web.NO_UPDATE)
        except web.UnansweredError as error:
            vain += 1
            if vain > len(PAUSES) or since_boot() > deadline:
                raise
            log.warning("%s of %s bytes are here. %s", done, whole.size, error.what)
            progress(done * 100 // whole.size)
            wait(PAUSES[vain - 1])
        if done - kept >= PART:
            # So that memory never holds more than two parts that the card has not. Not after each answer: a server may
            # send as little at a time as it likes, and each time costs the card some blocks.
            os.fdatasync(target)
            kept = done
