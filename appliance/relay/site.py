"""What browsers are shown instead of a neutral page: the volunteer's own folder. Read once, before workers start.

All of it is in memory afterwards: no request reaches a file system, so none can leave the folder or make the loop
wait for a card.
"""

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from mimetypes import MimeTypes
from pathlib import Path

from appliance.errors import PorchlightError
from appliance.text import Text, text

# Every relay process shares these bytes, on a board with 512 MB; a small site with a few pictures has less.
LARGEST_SITE = 4 * 1024 * 1024
# Files and folders; every one of them costs a look at the card before the relay starts.
MOST_ENTRIES = 500
UNKNOWN_KIND = "application/octet-stream"


class SiteError(PorchlightError, OSError):
    """The volunteer's folder cannot be shown."""


@dataclass(frozen=True, slots=True)
class Page:
    """One file.

    Args:
        body: its content.
        kind: the content type.
        modified: when it was changed, in whole seconds since 1970.
    """

    body: bytes
    kind: str
    modified: int


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that can be asked for.

    Args:
        pages: by path, such as ``b"/pictures/door.jpg"``.
        folders: paths of the folders, each ending with a slash.
    """

    pages: Mapping[bytes, Page]
    folders: frozenset[bytes]


def load(folder: Path, private: Iterable[Path]) -> Site:
    """Read a folder and what is below it. Hidden files, and links, which could lead out of it, are left out.

    Args:
        folder: where the volunteer's page is.
        private: files and folders that nobody may be shown.

    Raises:
        SiteError: the folder is not there, not readable, too large, or would show what is private.
    """
    try:
        root = Path(os.path.realpath(folder, strict=True))
        if not root.is_dir():
            raise _error(folder, text("it is no folder"))
        for one in private:
            found = Path(os.path.realpath(one))
            if found.is_relative_to(root) or root.is_relative_to(found):
                raise _error(folder, text("it holds porchlight's own files, which nobody may see"))
        site = _read(root, folder)
    except SiteError:
        raise
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        inside = error.filename is not None and os.fspath(error.filename) != os.fspath(folder)
        what = text("%(file)s in it cannot be read", file=error.filename) if inside else text("it cannot be read")
        raise _error(folder, text("%(what)s (%(reason)s)", what=what, reason=reason)) from error
    if b"/index.html" not in site.pages:
        raise _error(folder, text("it has no file index.html"))
    return site


def _read(root: Path, folder: Path) -> Site:
    pages: dict[bytes, Page] = {}
    folders: set[bytes] = set()
    left = LARGEST_SITE
    for where, below, names, descriptor in os.fwalk(root, onerror=_raise, follow_symlinks=False):
        below[:] = [one for one in below if not one.startswith(".")]
        path = b"/" + os.fsencode(os.path.relpath(where, root)) + b"/" if where != str(root) else b"/"
        folders.add(path)
        for name in names:
            page = None if name.startswith(".") else _page(name, descriptor, left)
            if page is not None:
                pages[path + os.fsencode(name)] = page
                left -= len(page.body)
            if left < 0:
                raise _error(folder, text("it holds more than %(size)s MB", size=LARGEST_SITE // 1024 // 1024))
        if len(pages) + len(folders) + len(below) > MOST_ENTRIES:
            raise _error(folder, text("it holds more than %(number)s files and folders", number=MOST_ENTRIES))
    return Site(pages, frozenset(folders))


def _page(name: str, folder: int, most: int) -> Page | None:
    """One file of an open folder, read up to one byte more than ``most``; None when it is a link or no file at all."""
    about = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(about.st_mode):
        return None
    # Should somebody change it to a link or a pipe just now: neither is followed or waited for.
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with open(descriptor, "rb") as file:
        body = file.read(most + 1)
    return Page(body, _kind(name, body), int(about.st_mtime))


@cache
def _kinds() -> MimeTypes:
    """Python's own table: the same on every machine, whatever lies in /etc/mime.types.

    That file it reads all the same, its 2,000 lines. Most relays show no folder, and must not begin later for it.
    """
    return MimeTypes()


def _kind(name: str, body: bytes) -> str:
    kind, encoding = _kinds().guess_type(name)
    if kind is None or encoding is not None:
        return UNKNOWN_KIND
    if not kind.startswith("text/") or body.isascii():
        return kind
    try:
        body.decode()
    except UnicodeDecodeError:
        # Whatever its author's computer uses: the browser guesses better than we.
        return kind
    return f"{kind}; charset=utf-8"


def _raise(error: OSError) -> None:
    raise error


def _error(folder: Path, reason: Text) -> SiteError:
    return SiteError(
        text(
            "The folder of your web page, %(folder)s, cannot be shown: %(reason)s.", folder=str(folder), reason=reason
        ),
        text("Browsers are shown the neutral page instead; the relay goes on."),
        text("Mend the folder, or web_directory in the settings file, and restart."),
    )
