"""What the setup page tells the others: whether this card has an owner. The record itself only the page may read."""

from dataclasses import dataclass
from pathlib import Path

from appliance.status import word
from appliance.status.word import publish

__all__ = ["PageStatus", "publish", "read"]

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


def read(path: Path, now: float) -> PageStatus | None:
    """The page's last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.page_status``.
        now: seconds since boot.
    """
    return word.read(path, now - STALE_AFTER, lambda raw: PageStatus(float(raw["written"]), str(raw["ownership"])))
