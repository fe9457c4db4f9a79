"""What an update is doing: written by the updater while it works, read by lights, page and checks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.status import word
from appliance.status.word import publish, sentence

__all__ = ["UpdateStatus", "publish", "read"]

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
        phase: ``idle``, ``waiting`` (there is one, and the owner decides), ``trial`` (the running system is new and has
            to show that it relays), or one of ``AT_WORK``.
        version: what it leads to; empty when there is none.
        other_version: what lies in the other slot; empty when nobody knows.
        outcome: how the last update ended, as ``appliance.update.record.Outcome`` has it; empty when there was none.
        said: the same, or what is going on, in plain words; empty when there is nothing to say.
        lasting: whether what is said is why there was no update, and stays until the next look.
        failed: the sentence about the last update, whatever else is said, when it did not work here; else empty.
        unheard: seconds since 1970 since when the feed has been asked in vain; 0 when it has answered.
    """

    written: float
    phase: str
    version: str = ""
    other_version: str = ""
    outcome: str = ""
    said: str = ""
    lasting: bool = False
    unheard: float = 0.0
    failed: str = ""

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
    found = word.read(path, float("-inf"), _status)
    return None if found and found.at_work and now - found.written > STALE_AFTER else found


def _status(raw: Any) -> UpdateStatus:
    return UpdateStatus(
        written=float(raw["written"]),
        phase=str(raw["phase"]),
        version=str(raw.get("version", "")),
        other_version=str(raw.get("other_version", "")),
        outcome=str(raw.get("outcome", "")),
        said=sentence(raw.get("said", "")),
        lasting=bool(raw.get("lasting", False)),
        unheard=float(raw.get("unheard", 0.0)),
        failed=sentence(raw.get("failed", "")),
    )
