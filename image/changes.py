"""What a release says of its packages: what changed since an earlier manifest, and which faults are known of them.

No input or output here: who calls brings the texts, and the comparison of two versions (dpkg's own).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from image.errors import BuildError
from image.faults import UNIMPORTANT, VERSION, Fault, Newer, Package, State

NAME = re.compile(r"(python:)?[0-9A-Za-z][0-9A-Za-z.+_-]*")
NOT_DEBIANS = "python:"  # the prefix of what comes from the Python package index (image/recipe.py)


@dataclass(frozen=True)
class Changes:
    """What is other than before: name, then the versions before and now ("" for none), sorted by name."""

    added: Sequence[tuple[str, str, str]]
    removed: Sequence[tuple[str, str, str]]
    upgraded: Sequence[tuple[str, str, str]]
    downgraded: Sequence[tuple[str, str, str]]


def read(text: str, where: str) -> dict[str, str]:
    """Package to version of a ``.manifest`` that a build wrote.

    Raises:
        BuildError: it is none, or names a package twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split("\t")
        if len(fields) != 3 or not NAME.fullmatch(fields[0]) or not VERSION.fullmatch(fields[1]):
            raise _not_a_manifest(f"{where} is not a manifest of a build (line {number}).")
        if fields[0] in found:
            raise _not_a_manifest(f"{where} names {fields[0]} twice (line {number}).")
        found[fields[0]] = fields[1]
    if not found:
        raise _not_a_manifest(f"{where} names no package.")
    return found


def _not_a_manifest(what: str) -> BuildError:
    return BuildError(
        what,
        "What changed since then cannot be said. Nothing was built.",
        "Give --release the .manifest file that ./build wrote beside an earlier card.",
    )


def compare(before: Mapping[str, str], now: Mapping[str, str], newer: Newer) -> Changes:
    """What became of each package.

    Args:
        before: package to version.
        now: the same of this card.
        newer: whether its first version is later than its second, by Debian's rule.
    """
    rows = [(name, before.get(name, ""), now.get(name, "")) for name in sorted({*before, *now})]
    both = [row for row in rows if row[1] and row[2] and row[1] != row[2]]
    return Changes(
        added=[row for row in rows if not row[1]],
        removed=[row for row in rows if not row[2]],
        upgraded=[row for row in both if newer(row[2], row[1])],
        downgraded=[row for row in both if newer(row[1], row[2])],
    )


def page(
    name: str,
    since: str,
    changes: Changes | None,
    packages: Sequence[Package],
    known: list[Fault] | str,
    read_from: str,
) -> str:
    """All of it as Markdown.

    Args:
        name: of the card, without ending.
        since: what it is compared with, a file's name.
        changes: since then; None: this is the first release.
        packages: what is on the card.
        known: the faults; or a sentence that says why they are not known.
        read_from: what the faults were read from.
    """
    lines = [f"# {name}: packages", ""]
    if changes is None:
        lines += [f"The card holds {len(packages)} packages. There is no earlier manifest to compare it with."]
    else:
        lines += [f"The card holds {len(packages)} packages. Compared with `{since}`:"]
        for what in ("added", "removed", "upgraded", "downgraded"):
            rows: Sequence[tuple[str, str, str]] = getattr(changes, what)
            lines += ["", f"## {what.capitalize()}: {len(rows)}", ""]
            lines += [f"- {one}: {' → '.join(filter(None, (before, now)))}" for one, before, now in rows] or ["None."]
    lines += ["", "## Known faults", ""]
    lines += [known] if isinstance(known, str) else _known(known, read_from)
    strangers = [one.name.removeprefix(NOT_DEBIANS) for one in packages if one.name.startswith(NOT_DEBIANS)]
    if strangers:
        lines += ["", f"Not Debian's, so its tracker does not know them: {', '.join(strangers)}."]
    lost = [one.name for one in packages if not one.source and not one.name.startswith(NOT_DEBIANS)]
    if lost and not isinstance(known, str):
        lines += ["", f"Not looked up, since their source packages are not known here: {', '.join(lost)}."]
    return "\n".join(lines) + "\n"


def _known(known: Sequence[Fault], read_from: str) -> list[str]:
    weighty = [one for one in known if not one.urgency.startswith(UNIMPORTANT)]
    trifles = Counter(one.source for one in known if one.urgency.startswith(UNIMPORTANT))
    lines = [
        f"By Debian's security tracker ({read_from}), for the version of each source package that is on the card."
        " Where there is a newer version, this card does not have it yet."
    ]
    for state in State:
        rows = [one for one in weighty if one.state is state]
        lines += ["", f"### {state.value.capitalize()}: {len(rows)}", ""]
        if rows:
            lines += ["| source | on the card | fault | release | fixed by | urgency |", "|---|---|---|---|---|---|"]
        lines += [
            f"| {one.source} | {one.version} | {one.cve} | {one.release} | {one.fixed or '-'} | {one.urgency} |"
            for one in rows
        ] or ["None."]
    if trifles:
        counted = ", ".join(f"{source} {number}" for source, number in sorted(trifles.items()))
        lines += ["", f"And {trifles.total()} that Debian calls unimportant: {counted}."]
    return lines


def summary(changes: Changes | None, known: list[Fault] | str) -> str:
    """The same in a line or two, for the terminal."""
    kinds = ("added", "removed", "upgraded", "downgraded")
    told = "no earlier manifest to compare with" if changes is None else ""
    told = told or ", ".join(f"{len(getattr(changes, kind))} {kind}" for kind in kinds)
    if isinstance(known, str):
        return f"packages: {told}. {known}"
    count = Counter(one.state for one in known if not one.urgency.startswith(UNIMPORTANT))
    states = ", ".join(f"{count[state]} {state.value}" for state in State)
    trifles = len(known) - count.total()
    return f"packages: {told}; known faults: {states}, and {trifles} unimportant"
