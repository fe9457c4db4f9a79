"""What an update is doing: written by the updater while it works, read by lights, page and checks."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.files import write_atomically
from appliance.text import packed, unpacked

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
    """

    written: float
    phase: str
    version: str = ""
    other_version: str = ""
    outcome: str = ""
    said: str = ""

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
        raw = unpacked(json.loads(path.read_bytes()))
        found = UpdateStatus(**{**raw, "written": float(raw["written"]), "phase": str(raw["phase"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return None if found.at_work and now - found.written > STALE_AFTER else found


def publish(path: Path, status: UpdateStatus) -> None:
    """Write it for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(packed(asdict(status))).encode(), durable=False)
