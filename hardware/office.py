"""The drawing office: KiCad, OpenSCAD and a renderer of SVG in a small tree of Debian trixie.

Not this machine's own, because Debian 12 has no `kicad-cli`, and because the same versions write the same bytes
everywhere. The tree is made once, in the cache, by the same means as those of the card; it takes a minute and 0.7 GB.
"""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from image import cache, cell, host, roots
from image.errors import BuildError
from image.progress import Progress

# What none of the programs needs to write a file, and what only a screen needs: a gigabyte becomes 0.6.
SLIM = """set -eu
cd "$1/usr"
rm -rf share/locale share/doc share/man share/icons share/opencascade share/kicad/resources
rm -rf lib/x86_64-linux-gnu/libLLVM* lib/x86_64-linux-gnu/libgallium* lib/python3/dist-packages/wx
"""
OFFICE = roots.Root(
    "office",
    "minbase",
    "amd64",
    ("kicad", "openscad", "librsvg2-bin", "fonts-dejavu-core"),
    customize=(roots.POINTS, SLIM),
)
NEEDED = 3_000_000_000  # bytes while the tree is made: packages, archive and tree
MAPPED_NOT = ["0", "0", "4294967295"]


class NotHere(BuildError):
    """There is no drawing office, and it cannot be made now."""


class Office:
    """The tree, and running its programs on files of a folder."""

    def __init__(self, tree: Path, log: Path, rootless: bool) -> None:
        self._cell = cell.Cell(tree, log, rootless)

    def run(self, what: str, command: Sequence[str], folder: Path) -> None:
        """Run a program of the office in `folder`, which it sees as /work.

        Raises:
            BuildError: it ended with another status than 0; its last words stand in the message.
        """
        inside: Mapping[Path, str] = {folder: "/work"}
        self._cell.run(what, ["sh", "-c", 'cd /work && exec "$@"', "sh", *command], inside, {"HOME": "/tmp"})  # noqa: S108


def folder() -> Path:
    """Where the office is kept."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "porchlight" / "hardware"


def confined() -> bool:
    """Whether this is an ordinary user's namespace, in which root is only called so."""
    return Path("/proc/self/uid_map").read_text().split() != MAPPED_NOT


def enter(directory: Path | None = None, *, make: bool = True) -> Office:
    """The office; it is made first where it is missing.

    Args:
        directory: the cache; by default that of all of porchlight.
        make: whether to make it if it is missing.

    Raises:
        NotHere: it is missing, and may not or cannot be made.
    """
    directory = folder() if directory is None else directory
    rootless = os.geteuid() != 0
    user = rootless or confined()
    name = f"officeroot{'-user' if user else ''}-{OFFICE.key}"
    tree, log = directory / name, directory / "office.log"
    if not tree.exists():
        if not make or (confined() and not rootless):
            raise NotHere(
                "The drawing office (KiCad and OpenSCAD in a small Debian tree) is not on this machine yet.",
                "Gerbers, models and pictures cannot be made or compared.",
                "Run python3 -m hardware once, outside of ./test; it takes a minute or two.",
            )
        _make(directory, name, rootless)
    # Writing a log into the cache is of no use where only a namespace's root may read it.
    log.unlink(missing_ok=True)
    return Office(tree, log, rootless)


def main() -> int:
    """Make it where it is missing, for tests whose processes have no network. 0: it is there; 1: it cannot be had."""
    try:
        enter()
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _make(directory: Path, name: str, rootless: bool) -> None:
    host.check_platform()
    host.rootless("auto")
    missing = [tool for tool in ("mmdebstrap", "unshare", "chroot", "dpkg-deb") if not shutil.which(tool)]
    if missing:
        raise NotHere(
            f"Missing on this machine: {', '.join(missing)}.",
            "The drawing office cannot be made.",
            "As root: apt-get install mmdebstrap debian-archive-keyring; as an ordinary user also uidmap.",
        )
    directory.mkdir(parents=True, exist_ok=True)
    if cache.free_bytes(directory) < NEEDED:
        raise NotHere(f"{directory} has too little room.", "The drawing office needs 3 GB.", "Make room there.")
    store, logs = cache.Cache(directory), directory / "logs"
    logs.mkdir(exist_ok=True)

    def remove(path: Path) -> None:
        cell.remove(path, rootless)

    store.open(remove)
    progress = Progress(1)
    try:
        with progress.stage("the drawing office: KiCad, OpenSCAD"):
            maker = roots.Maker(store, roots.Sources(), rootless, logs, progress)
            packed = maker.root(OFFICE)
            store.get(name, lambda draft: _unpack(packed, draft, logs / "unpack.log", rootless))
            # The tree is what is used; packages and archive would only take three times its room.
            remove(packed)
            remove(directory / "packages")
    finally:
        remove(store.unfinished)


def _unpack(packed: Path, draft: Path, log: Path, rootless: bool) -> None:
    draft.mkdir()
    command = ["tar", "--extract", f"--file={packed / 'tree.tar'}", f"--directory={draft}", "--same-permissions"]
    prefix = cell.namespaces(True) if rootless else []
    if cell.run([*prefix, *command, "--numeric-owner", "--exclude=./dev/*"], log=log):
        raise cell.failure("Unpacking the drawing office", log)


if __name__ == "__main__":
    sys.exit(main())
