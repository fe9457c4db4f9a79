"""A service's last word: written into a file in RAM, read by the other processes as long as it is fresh.

Its sentences keep their template and values, so that the reader can still say them in any language.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TypeVar

from appliance.files import UNREADABLE, write_atomically
from appliance.status.shape import fits
from appliance.text import Text, packed, unpacked


class Word(Protocol):
    """Anything that says when it was written."""

    @property
    def written(self) -> float:
        """Seconds since boot."""


Said = TypeVar("Said", bound=Word)


def publish(path: Path, status: Any) -> None:
    """Write a status for the other processes; the folder is in RAM.

    Args:
        path: its file.
        status: a dataclass of numbers, texts and tuples of them.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(packed(asdict(status)), separators=(",", ":")).encode(), durable=False)


def read(path: Path, oldest: float, make: Callable[[Any], Said]) -> Said | None:
    """A service's last word, or None when there is none, only an old one, or a damaged one.

    Args:
        path: its file.
        oldest: seconds since boot before which it is old.
        make: makes the status of what stands in the file; whatever is wrong with that may raise.
    """
    try:
        found = make(unpacked(json.loads(path.read_bytes())))
    except UNREADABLE:
        return None
    return found if fits(found, type(found)) and found.written >= oldest else None


def sentence(raw: Any) -> Text:
    """A sentence as it was read.

    Raises:
        TypeError: this is none.
    """
    if not isinstance(raw, str):
        raise TypeError(raw)
    return raw if isinstance(raw, Text) else Text(raw)
