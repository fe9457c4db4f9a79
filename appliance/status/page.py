"""What the setup page tells the others: whether this card has an owner. The record itself only the page may read."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.files import write_atomically

# The page writes every two seconds (``appliance.page.service.LOOK_EVERY``); past this many its word is old. Less than
# the five within which the lights show that a process has died.
STALE_AFTER = 4.0


@dataclass(frozen=True, slots=True)
class PageStatus:
    """The page at one moment.

    Args:
        written: seconds since boot.
        ownership: ``unclaimed``, ``claimed`` or ``damaged`` (``appliance.page.owner``).
    """

    written: float
    ownership: str


def publish(path: Path, status: PageStatus) -> None:
    """Write the status for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(asdict(status), separators=(",", ":")).encode(), durable=False)


def read(path: Path, now: float) -> PageStatus | None:
    """The page's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.page_status``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        found = PageStatus(float(raw["written"]), str(raw["ownership"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if now - found.written <= STALE_AFTER else None
