"""Which known faults a card's packages have, by the data of Debian's security tracker. No input or output here.

https://security-tracker.debian.org/tracker/data/json holds, by source package and then by CVE, ``releases`` with
``status``, ``fixed_version``, ``urgency`` and, where Debian writes no advisory, ``nodsa``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from image import recipe

Newer = Callable[[str, str], bool]
# deb-version(7), and nothing that dpkg could take for an option.
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~:-]*")
FAULT = re.compile(r"(CVE|TEMP)-[0-9A-Za-z-]+")
# "6.19.2-1~bpo13+1" sorts before the "6.19.2-1" that it was made of, and has the same faults mended.
BACKPORT = re.compile(r"~bpo\d+\+\d+$")
UNIMPORTANT = "unimportant"  # the tracker's word for what is no weakness in Debian's build of it
UNRATED = "not rated"  # ours, where the tracker leaves the urgency out: it writes no empty fields
# Debian signs the kernel in a source package of its own, of which the tracker knows nothing.
SIGNED = {"linux-signed-arm64": "linux"}


@dataclass(frozen=True)
class Package:
    """A package of the card; source and its version are "" where they are not known."""

    name: str
    version: str
    source: str = ""
    source_version: str = ""


def package(name: str, version: str, source: str, source_version: str) -> Package:
    """A package of the card as the tracker sees it: what Debian has signed counts as what it was made of."""
    if source in SIGNED:
        return Package(name, version, SIGNED[source], version)
    return Package(name, version, source, source_version)


class State(StrEnum):
    """How far Debian is with a fault that the card has, in the order in which they are listed."""

    FIXED = "fixed by a newer version"
    UNFIXED = "unfixed"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True)
class Fault:
    """One known fault of what the card holds; ``fixed`` is the version that mends it, "" for none."""

    source: str
    version: str
    cve: str
    release: str
    state: State
    fixed: str
    urgency: str


def suites(package: Package) -> tuple[str, ...]:
    """The releases by which a package is judged: its own first.

    The tracker knows no backports: what comes from there is made of the next release's package, or of sid's.
    """
    if package.name in recipe.FROM_NEXT or BACKPORT.search(package.version):
        return (recipe.NEXT_SUITE, "sid")
    return (recipe.SUITE,)


def known(packages: Iterable[Package], tracker: Mapping[str, Any], newer: Newer) -> list[Fault]:
    """The faults that are known of the card's packages and not mended on it; most urgent states first.

    Raises:
        ValueError: the data is not the tracker's, or of a time before the card's release.
    """
    if not any(recipe.SUITE in one for one in _releases(tracker)):
        raise ValueError(f"it knows nothing of {recipe.SUITE}")
    judged = {(one.source, one.source_version, suites(one)) for one in packages if one.source}
    found = []
    for source, version, releases in sorted(judged):
        listed = tracker.get(source, {})
        if not isinstance(listed, dict):
            raise ValueError(f"{source} is no table")
        for cve, told in sorted(listed.items()):
            rows = told.get("releases") if isinstance(told, dict) else None
            if not FAULT.fullmatch(cve) or not isinstance(rows, dict):
                raise ValueError(f"{source} has no proper {cve[:40]!r}")
            one = _fault(source, version, cve, [(name, rows[name]) for name in releases if name in rows], newer)
            if one is not None:
                found.append(one)
    order = list(State)
    return sorted(found, key=lambda one: (order.index(one.state), one.source, one.cve))


def _releases(tracker: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What each entry says of the releases, as far as it has the right form."""
    for listed in tracker.values():
        for told in listed.values() if isinstance(listed, dict) else ():
            rows = told.get("releases") if isinstance(told, dict) else None
            if isinstance(rows, dict):
                yield rows


def _fault(source: str, version: str, cve: str, rows: Sequence[tuple[str, Any]], newer: Newer) -> Fault | None:
    """The fault as the package's own release has it; None when it is mended there or in a release it was made of."""
    found: Fault | None = None
    for release, row in rows:
        told = row if isinstance(row, dict) else {}
        status, fixed, urgency = told.get("status"), told.get("fixed_version", ""), told.get("urgency", UNRATED)
        if not (isinstance(status, str) and isinstance(fixed, str) and isinstance(urgency, str)):
            raise ValueError(f"{cve} of {source} has no proper status in {release}")
        if status == "resolved" and fixed:
            if not VERSION.fullmatch(fixed):
                raise ValueError(f"{cve} of {source} is resolved in {release} by {fixed[:40]!r}")
            if not newer(fixed, BACKPORT.sub("", version)):
                return None
            state = State.FIXED
        elif status in ("open", "undetermined", "resolved"):
            # Resolved, but by no version to compare with: whether it is in the card's own remains open.
            state, fixed = (State.UNFIXED if status == "open" else State.UNDETERMINED), ""
        else:
            raise ValueError(f"{cve} of {source} has the unknown status {status[:40]!r}")
        if "nodsa" in told:
            urgency += ", no advisory"
        # Of two releases the own one counts, unless only the other one has a way out.
        if found is None or (state is State.FIXED and found.state is not State.FIXED):
            found = Fault(source, version, cve, release, state, fixed, re.sub(r"[^\w ,-]", "?", urgency))
    return found
