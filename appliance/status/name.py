"""What the name service knows: written by it, read by page and checks."""

import json
from dataclasses import dataclass
from pathlib import Path

# Seconds after which its word is old.
STALE_AFTER = 20.0


@dataclass(frozen=True, slots=True)
class NameStatus:
    """The relay's name at one moment.

    Args:
        written: seconds since boot.
        provider: who answers for the name.
        name: the name.
        state: in one word.
        said: what the provider said, in plain words.
        address: the address that it should lead to; empty when unknown.
        points_to: the addresses that it leads to.
        known: whether somebody has answered what it leads to; a name that does not exist is known to lead nowhere.
    """

    written: float
    provider: str = ""
    name: str = ""
    state: str = ""
    said: str = ""
    address: str = ""
    points_to: tuple[str, ...] = ()
    known: bool = False


def read(path: Path, now: float) -> NameStatus | None:
    """The name service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.name_status``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        found = NameStatus(**{**raw, "points_to": tuple(raw["points_to"])})
        return found if now - found.written <= STALE_AFTER else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
