"""Picking the newest good bundle off a stick, and copying it: the half that reads what a stranger may have written.

It runs as a user of its own that may do nothing but this: ``python3 -m appliance.update.pick DESCRIPTOR LAST FOLDER``,
and more folders. The bundle goes to an open file that it was given, and what it has to say, one JSON object a line, to
standard output. Root believes none of it but the sentences: the updater checks the copy as it checks any other file.
"""

import json
import logging
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from appliance import __version__
from appliance.cli.journal import log_to_stderr
from appliance.errors import UpdateError
from appliance.text import Text, packed, text
from appliance.update import LARGEST_BUNDLE, draft, record
from appliance.update.bundle import AGAIN, DAMAGED, NOT_INSTALLED, version_of
from appliance.update.record import Outcome, Record
from appliance.update.service import words
from appliance.update.version import VERSION, Key, key, newer

log = logging.getLogger(__name__)

NAME = re.compile(rf"porchlight-({VERSION.pattern})-arm64\.raucb", re.ASCII)
# Entries of a top folder that are looked at; a stick full of pictures has some thousands.
MOST_ENTRIES = 20_000
# Bundles whose signature is looked at, newest first; each costs a start of RAUC.
MOST_TRIED = 8
# Bytes at a time.
PIECE = 1024 * 1024

NOTHING = text("There is no update on the USB stick that porchlight can read.")


def candidates(folders: Iterable[Path]) -> list[Path]:
    """What lies in top folders and is called like a bundle, newest first; nothing is opened.

    Args:
        folders: of mounted file systems.
    """
    found: list[tuple[Key, Path]] = []
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in islice(entries, MOST_ENTRIES):
                    match = NAME.fullmatch(entry.name)
                    if match and entry.is_file(follow_symlinks=False):
                        found.append((key(match[1]), folder / entry.name))
        except OSError as error:
            # A damaged file system, or it has been pulled out: what was seen so far counts.
            log.warning("The folder cannot be read to its end (%s)", error.strerror)
    return [path for _, path in sorted(found, reverse=True)[:MOST_TRIED]]


def against(version: str, last: Record | None, running: str = __version__) -> Text | str:
    """Why a sound bundle is not installed from a stick; empty when it is. No input or output here.

    A stick stays where it is while the device restarts, and is found again at each start. So a version that was tried
    here is not taken again, but once more if only the Internet was missing, as the feed's is (``record.refused``).

    Args:
        version: of the bundle.
        last: the last update, which remembers those before it.
        running: the version that runs.
    """
    refused = record.refused(last, version)
    # One that was being written when the power went has not been tried.
    known = last is not None and last.version == version and last.outcome is not Outcome.WRITING
    if last and known and (refused or last.outcome is not Outcome.UNCLEAR):
        return words(last)
    if refused:
        # Before the last one; or else a stick with two that do not work would have them installed in turn for ever.
        return words(Record(version, "A", running, Outcome.FAILED))
    return "" if newer(version, running) else text("There is no newer version than this one.")


def choose(paths: Iterable[Path], last: Record | None, check: Callable[[Path], str] = version_of) -> tuple[Path, str]:
    """The newest bundle that can be installed, and its version.

    Args:
        paths: bundles by their names, newest first.
        last: the last update.
        check: finds the version out and checks the signature; raises UpdateError.

    Raises:
        UpdateError: there is none; it speaks of the first one, which is the one that somebody wants installed.
    """
    first: UpdateError | None = None
    for path in paths:
        try:
            os.close(_opened(path)[0])
            version = check(path)
            if reason := against(version, last):
                raise UpdateError(reason, NOT_INSTALLED)
            return path, version
        except UpdateError as error:
            log.info("%s: %s", path.name, error.what)
            first = first or error
    raise first or UpdateError(NOTHING, NOT_INSTALLED)


def copy(path: Path, target: int) -> None:
    """Copy a bundle into an open file.

    Args:
        path: on the stick.
        target: a descriptor.

    Raises:
        UpdateError: the stick cannot be read to its end, or the card has no room or cannot be written.
    """
    source, size = _opened(path)
    try:
        draft.check_room(target, size)
        left = size
        while left:
            try:
                piece = os.read(source, min(PIECE, left))
            except OSError as error:
                raise _damaged() from error
            if not piece:
                raise _damaged()
            left -= len(piece)
            draft.write(target, piece)
    finally:
        os.close(source)


def _opened(path: Path) -> tuple[int, int]:
    """A descriptor and the size of a plain file that can be a bundle."""
    try:
        # Never through a link, and never waiting for whoever is at the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _damaged() from error
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or not 0 < found.st_size <= LARGEST_BUNDLE:
        os.close(descriptor)
        raise _damaged()
    return descriptor, found.st_size


def _damaged() -> UpdateError:
    return UpdateError(DAMAGED, NOT_INSTALLED, AGAIN)


def main() -> int:
    """Run by ``appliance.update.stick``; 0 when a bundle was copied, 1 when none was."""
    log_to_stderr()
    target, known, *folders = sys.argv[1:]
    raw = json.loads(known)
    last = record.made_of(raw) if raw else None
    try:
        path, version = choose(candidates(Path(one) for one in folders), last)
        _say("taking", version)
        copy(path, int(target))
        _say("taken", version)
    except UpdateError as error:
        _say("said", error.what)
        return 1
    return 0


def _say(kind: str, value: str) -> None:
    print(json.dumps({kind: packed(value)}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
