"""`./build --verify`: the card once more, from elsewhere and later, and whether it is the same to the last bit.

The second build has a copy of the sources under another path, an empty cache, another umask, home and time zone, and as
far as this machine allows another way of being root. It shares the downloaded packages with the first, and insists on
its lock.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from image import cache, host, layout, lock, publish
from image.errors import BuildError
from image.roots import Sources

# Compared piece by piece, bytes.
PIECE = 1024 * 1024
# What is no source: results and leftovers of programs.
NOT_SOURCES = shutil.ignore_patterns(".git", "dist", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")


@dataclass(frozen=True)
class First:
    """The first build.

    Args:
        store: its cache.
        output: where its results are.
        name: the card's name without ending.
        epoch: the time that it gave its files, seconds since 1970.
        rootless: whether it was one by user namespaces.
        sources: where its packages came from.
        place: where the release will lie, which the card knows.
    """

    store: Path
    output: Path
    name: str
    epoch: int
    rootless: bool
    sources: Sources
    place: str | None = None


def verify(repository: Path, first: First) -> str:
    """Build again and compare.

    Args:
        repository: the sources.
        first: the build that is to be reproduced.

    Returns:
        One sentence that says what was compared.

    Raises:
        BuildError: the second build failed, or its card is another.
    """
    with tempfile.TemporaryDirectory(prefix="porchlight-verify-", dir=first.store) as scratch:
        elsewhere = Path(scratch) / "somewhere-else"
        shutil.copytree(repository, elsewhere, symlinks=True, ignore=NOT_SOURCES)
        packages = Path(scratch) / "cache/image/packages"
        partial = shutil.ignore_patterns("partial")
        shutil.copytree(first.store / "packages", packages, copy_function=os.link, ignore=partial)
        mode = _other_mode(first.rootless)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(first.epoch), "TZ": "Pacific/Kiritimati", "HOME": scratch}
        done = subprocess.run(again(first, scratch, mode), cwd=elsewhere, env=environment, umask=0o027, check=False)
        if done.returncode:
            raise BuildError(
                "The second build failed; what it said stands above.",
                "Whether the card can be reproduced is not known. The first card is in its place.",
                "Solve what it says, then run ./build --verify again.",
            )
        card = f"{first.name}.img.xz"
        _compare(first.output / card, Path(scratch) / "out" / card)
        number = len(lock.read(first.output / f"{first.name}.lock"))
        return f"identical: built twice ({'unshare' if first.rootless else 'root'}, {mode}), {number} packages"


def again(first: First, scratch: str, mode: str) -> list[str]:
    """How the second build is called: of the same packages, from the same archive. No input or output here."""
    command = [sys.executable, "-m", "image", "--cache", f"{scratch}/cache", "--output", f"{scratch}/out"]
    command += ["--mode", mode, "--locked", str(first.output / f"{first.name}.lock"), *first.sources.options()]
    # The card holds the certificate of its updates, and a development key of an empty cache would be another one.
    command += ["--update-certificate", str(first.output / publish.UPDATE_CERTIFICATE)]
    return [*command, *(["--url", first.place] if first.place else [])]


def _other_mode(rootless: bool) -> str:
    if rootless:
        # An ordinary user cannot become root to try the other way.
        return "unshare"
    try:
        host.rootless("unshare")
    except BuildError:
        return "root"
    return "unshare"


def _compare(first: Path, second: Path) -> None:
    if cache.sha256(first) == cache.sha256(second):
        return
    one, other = (subprocess.Popen(["xz", "-dc", str(path)], stdout=subprocess.PIPE) for path in (first, second))
    try:
        position = 0
        while True:
            pieces = [process.stdout.read(PIECE) if process.stdout else b"" for process in (one, other)]
            if pieces[0] != pieces[1]:
                raise BuildError(
                    f"The two cards differ, first near byte {position} ({where(position)}).",
                    "Something that should not matter (time, path, user) got into the card.",
                    f"Compare {first} with a build of your own: diffoscope names the file.",
                )
            if not pieces[0]:
                raise BuildError(
                    "The two cards are the same, but were compressed differently.",
                    "The card itself can be reproduced.",
                    "Compare the versions of xz in the two caches.",
                )
            position += len(pieces[0])
    finally:
        for process in (one, other):
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()


def where(position: int) -> str:
    """The part of the card that a byte lies in. No input or output here."""
    start = layout.GAP
    if position < start:
        return "before the partitions"
    for partition in layout.PARTITIONS:
        start += partition.size
        if position < start:
            return f"partition {partition.label}"
    return "behind the partitions"
