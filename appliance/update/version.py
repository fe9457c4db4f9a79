"""Which version is newer, by Semantic Versioning 2.0.0, section 11; RAUC compares in the same way."""

import re

VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:-([0-9A-Za-z.-]{1,40}))?(?:\+[0-9A-Za-z.-]{1,40})?", re.ASCII)
# Sorts versions: its three numbers, whether it is a release, the words of a pre-release.
Key = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def key(version: str) -> Key:
    """What versions are sorted by.

    Raises:
        ValueError: it is no version, such as ``1.2.3`` or ``1.3.0-rc.1``.
    """
    found = VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"{version[:60]!r} is no version")
    words = (found[4] or "").split(".") if found[4] else []
    # Numbers are lower than words; a release is higher than everything that came before it.
    parts = tuple((not word.isdigit(), int(word) if word.isdigit() else 0, word) for word in words)
    return int(found[1]), int(found[2]), int(found[3]), not words, parts


def newer(one: str, other: str) -> bool:
    """Whether ``one`` is newer than ``other``.

    Raises:
        ValueError: one of them is no version.
    """
    return key(one) > key(other)
