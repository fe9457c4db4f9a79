"""The lock: every package that a card is made of, by version and hash, and how a build insists on it.

One line a package: name, version, architecture, SHA-256 of its file, and ``card`` for what is on the card or ``tools``
for what only made it (mke2fs, Python and others: their version shows in the card's bytes too).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from image.errors import BuildError

Entry = Sequence[str]
ON_CARD, ONLY_TOOLS = "card", "tools"
# So many differences are named; a snapshot of another day differs in hundreds.
NAMED = 12


def read(path: Path) -> list[list[str]]:
    """The entries of a lock file.

    Raises:
        BuildError: there is no such file, or it is none.
    """
    try:
        entries = [line.split("\t") for line in path.read_text().splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(
            f"The lock {path} cannot be read ({error}).", "Nothing was built.", "Correct --locked FILE."
        ) from None
    if not entries or any(len(entry) != 5 or entry[4] not in (ON_CARD, ONLY_TOOLS) for entry in entries):
        raise BuildError(
            f"{path} is not a lock of a build.",
            "Nothing was built.",
            "Give --locked a .lock file that ./build wrote beside a card.",
        )
    return entries


def text(entries: Iterable[Entry]) -> str:
    """The lock file's text."""
    return "".join("\t".join(entry) + "\n" for entry in entries)


def preferences(wanted: Iterable[Entry]) -> str:
    """What apt is told, so that it takes the locked versions wherever it finds them (apt_preferences(5))."""
    # A name alone means the machine's own architecture and no other, and the native tree has two.
    pins = sorted(
        {
            (entry[0] if entry[2] == "all" else f"{entry[0]}:{entry[2]}", entry[1])
            for entry in wanted
            if not entry[0].startswith("python:")
        }
    )
    # Over 1000 even a version that is older than what the archive has by now.
    return "\n".join(f"Package: {name}\nPin: version {version}\nPin-Priority: 1001\n" for name, version in pins)


def agrees(made: Iterable[Entry], wanted: Iterable[Entry]) -> bool:
    """Whether a tree holds the locked version and file of every package that the lock names too."""
    known = {(entry[0], entry[2]): tuple(entry[1:4]) for entry in wanted}
    return all(known.get((entry[0], entry[2]), tuple(entry[1:4])) == tuple(entry[1:4]) for entry in made)


def insist(made: Sequence[Entry], wanted: Sequence[Entry]) -> None:
    """Refuse a card that is not made of what the lock says.

    Raises:
        BuildError: something is of another version, missing, or more than the lock knows.
    """
    is_, should = _by_name(made), _by_name(wanted)
    faults = []
    for key in sorted(is_.keys() | should.keys()):
        found, locked = is_.get(key), should.get(key)
        if found == locked:
            continue
        name = f"{key[0]} ({key[1]})"
        if found is None or locked is None:
            faults.append(f"{name}: {'not in the lock' if locked is None else 'missing'}")
        elif found[1] != locked[1]:
            faults.append(f"{name}: {found[1]} instead of {locked[1]}")
        else:
            faults.append(f"{name}: the same version {found[1]}, but another file")
    if not faults:
        return
    more = f"\n    - and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
    named = "".join(f"\n    - {one}" for one in faults[:NAMED])
    raise BuildError(
        f"The packages to be had are not those of the lock:{named}{more}",
        "The card would not be the same, so none was written.",
        "Give --mirror (and --security-mirror) a snapshot of the archive from the day of the lock, or keep its cache.",
    )


def _by_name(entries: Iterable[Entry]) -> dict[tuple[str, str, str], Entry]:
    # A package may be on the card and among the tools, in the same architecture.
    return {(entry[0], entry[2], entry[4]): tuple(entry) for entry in entries}
