"""What the lights tell about themselves: written by the lights, read by the page and the command line."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.files import write_atomically


@dataclass(frozen=True, slots=True)
class LightsStatus:
    """The lights at one moment.

    Args:
        written: seconds since boot.
        state: the state that they show, or would show if they could.
        trouble: why they cannot light, in plain words; empty while they can, or while they are turned off.
    """

    written: float
    state: str
    trouble: str = ""


def publish(path: Path, status: LightsStatus) -> None:
    """Write the status for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(asdict(status), separators=(",", ":")).encode(), durable=False)


def read(path: Path) -> LightsStatus | None:
    """The lights' last word, or None when there is none that can be read."""
    try:
        raw = json.loads(path.read_bytes())
        return LightsStatus(float(raw["written"]), str(raw["state"]), str(raw["trouble"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None
