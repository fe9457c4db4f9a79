"""Kept between builds: each thing under a name that holds the hash of everything that made it.

Nothing is ever written under its final name: a thing is made under `unfinished/` and renamed when it is whole, so that
neither Ctrl-C nor a power cut nor a full disk leaves half a thing that a later build would trust.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from image.errors import BuildError

KEEP = 2  # generations of each thing; older ones are deleted once a build has succeeded


def key(parts: Iterable[str | bytes | Path]) -> str:
    """The hash of strings and of the contents of files, as 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Cache:
    """One directory; one build at a time uses it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.unfinished = directory / "unfinished"
        self._used: set[str] = set()
        self._lock: int | None = None

    def open(self, remove: Callable[[Path], None]) -> None:
        """Take the lock and remove what an interrupted build left; `remove` deletes a tree of foreign owners."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BuildError(
                f"Another ./build is using the cache {self.directory}.",
                "Two builds at once would write the same files.",
                "Wait until it is done, or give this one a directory of its own with --cache DIR.",
            ) from None
        if self.unfinished.exists():
            remove(self.unfinished)
        self.unfinished.mkdir()

    def get(self, name: str, make: Callable[[Path], None]) -> Path:
        """The thing called `name`; when it is not there, `make` writes it to the path it is given."""
        self._used.add(name)
        final = self.directory / name
        if final.exists():
            os.utime(final)
            return final
        draft = self.unfinished / name
        make(draft)
        draft.rename(final)
        return final

    def prune(self, remove: Callable[[Path], None]) -> None:
        """Delete generations that were not used lately: names are `kind-HASH` or `kind-HASH.tar`."""
        kinds: dict[str, list[Path]] = {}
        for path in self.directory.iterdir():
            kind, dash, _ = path.name.rpartition("-")
            if dash and path.name not in self._used:
                kinds.setdefault(kind, []).append(path)
        for paths in kinds.values():
            for path in sorted(paths, key=lambda entry: entry.stat().st_mtime, reverse=True)[KEEP - 1 :]:
                remove(path)


def free_bytes(directory: Path) -> int:
    """Free space where `directory` is or will be."""
    while not directory.exists():
        directory = directory.parent
    return shutil.disk_usage(directory).free
