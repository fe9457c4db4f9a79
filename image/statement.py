"""What `./build --release` writes beside the card: `image.changes` with its files, and with dpkg's own rules."""

import functools
import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.update.version import newer
from image import changes, faults, lock, recipe, roots
from image.errors import BuildError

ENDING = ".changes.md"
# As a build names it (image/stages.py).
MANIFEST = re.compile(rf"porchlight-(.+)-{recipe.ARCHITECTURE}\.manifest")
UNKNOWN = "Which known faults they have is not stated here"


@dataclass(frozen=True)
class Asked:
    """What the command line wants to have stated.

    Args:
        since: the manifest of an earlier card; None: this is the first release.
        tracker: a copy of the data of Debian's security tracker; None: none was given.
    """

    since: Path | None = None
    tracker: Path | None = None


def before(asked: Asked) -> dict[str, str] | None:
    """Package to version of the earlier card, None when there is none.

    Raises:
        BuildError: the file cannot be read, or is no manifest.
    """
    if asked.since is None:
        return None
    try:
        text = asked.since.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(
            f"The manifest {asked.since} cannot be read ({error}).", "Nothing was built.", "Correct --release MANIFEST."
        ) from None
    return changes.read(text, str(asked.since))


def older(asked: Asked, version: str) -> str:
    """Insist that the manifest is of an older version than the card that is to be built. No input or output here.

    Args:
        asked: names the manifest; its version stands in the file's name.
        version: of the card that is to be built.

    Returns:
        A sentence if the name has no version, else nothing.

    Raises:
        BuildError: that version is not older: every card would answer that there is nothing newer.
    """
    if asked.since is None:
        return ""
    found = MANIFEST.fullmatch(asked.since.name)
    try:
        is_older = found is not None and newer(version, found[1])
    except ValueError:
        found = None
    if found is None:
        return f"Whether {version} is newer was not looked at: `{asked.since.name}` does not name its card's version"
    if not is_older:
        raise BuildError(
            f"This card would be version {version}, and {asked.since.name} is of {found[1]}, which is not older.",
            "No card out there would take it: each says that there is no newer version. Nothing was built.",
            "Raise __version__ in appliance/__init__.py and commit it, or give --release an older card's manifest.",
        )
    return ""


def packages(entries: Iterable[lock.Entry], folders: Sequence[Path]) -> list[faults.Package]:
    """The packages of the card, each with its source if its file still lies in one of the cache's folders."""
    files: dict[str, list[Path]] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("*.deb"))):
        files.setdefault(path.name.partition("_")[0], []).append(path)
    made = []
    for name, version, architecture, *_ in entries:
        source = ("", "")
        for path in files.get(name, []):
            form = "--showformat=${Version}\t${Architecture}\t${source:Package}\t${source:Version}"
            command = ["dpkg-deb", "--show", form, str(path)]
            shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\t")
            if shown[:2] == [version, architecture] and len(shown) == 4:
                source = (shown[2], shown[3])
        made.append(faults.package(name, version, *source))
    return made


def known(path: Path | None, found: Sequence[faults.Package]) -> tuple[list[faults.Fault] | str, str]:
    """The known faults of the packages, or a sentence that says why there are none; and what they were read from."""
    if path is None:
        return f"{UNKNOWN}: no data of Debian's security tracker was given (`--tracker`).", ""
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
        if not isinstance(data, dict) or not data:
            raise ValueError("it is no table of source packages")
        listed = faults.known(found, data, functools.cache(roots.newer))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"not the tracker's data: {error}"
        return f"{UNKNOWN}: `{path.name}` cannot be read ({reason}).", ""
    return listed, f"`{path.name}`, SHA-256 {hashlib.sha256(raw).hexdigest()}"


def write(packed: Path, name: str, asked: Asked, entries: Iterable[lock.Entry], folders: Sequence[Path]) -> str:
    """Write the statement into ``packed``; its summary back.

    Args:
        packed: the folder.
        name: of the card, without ending.
        asked: what is to be stated.
        entries: the lock of the card.
        folders: where the packages' files lie.

    Raises:
        BuildError: the earlier manifest cannot be read.
    """
    former = before(asked)
    found = packages([entry for entry in entries if entry[4] == lock.ON_CARD], folders)
    now = {one.name: one.version for one in found}
    compared = None if former is None else changes.compare(former, now, roots.newer)
    listed, read_from = known(asked.tracker, found)
    since = asked.since.name if asked.since else ""
    (packed / f"{name}{ENDING}").write_text(changes.page(name, since, compared, found, listed, read_from))
    return changes.summary(compared, listed)
