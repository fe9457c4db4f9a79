"""What an update is doing: written by the updater while it works, read by lights, page and checks."""

import json
from dataclasses import dataclass
from pathlib import Path

# An update that says nothing for this many seconds has died: writing a whole card's image takes less between two words.
STALE_AFTER = 600.0
# Phases in which the device must not be unplugged.
AT_WORK = ("installing", "restarting")
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class UpdateStatus:
    """The update at one moment.

    Args:
        written: seconds since boot.
        phase: ``idle``, ``waiting`` (there is one, and the owner decides), ``downloading``, or one of ``AT_WORK``.
        version: what it leads to; empty when there is none.
    """

    written: float
    phase: str
    version: str = ""

    @property
    def at_work(self) -> bool:
        """Whether the device must not be unplugged now."""
        return self.phase in AT_WORK


def read(path: Path, now: float) -> UpdateStatus | None:
    """The updater's last word; None when there is none, or when it stopped speaking in the middle of its work.

    An update that waits for the owner may have been found days ago.

    Args:
        path: ``Paths.update_status``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        found = UpdateStatus(float(raw["written"]), str(raw["phase"]), str(raw.get("version", "")))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return None if found.at_work and now - found.written > STALE_AFTER else found
