"""What the name service knows: written by it, read by page and checks."""

import json
from dataclasses import dataclass
from pathlib import Path

# Seconds after which its word is old.
STALE_AFTER = 600.0


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
        points_to: the address that it leads to; empty when unknown.
    """

    written: float
    provider: str = ""
    name: str = ""
    state: str = ""
    said: str = ""
    address: str = ""
    points_to: str = ""


def read(path: Path, now: float) -> NameStatus | None:
    """The name service's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.name_status``.
        now: seconds since boot.
    """
    try:
        found = NameStatus(**json.loads(path.read_bytes()))
        return found if now - found.written <= STALE_AFTER else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
