"""What the lights show: written by the lights, read by the page and ``porchlight check``."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from appliance.files import write_atomically

# The lights write at each change and at least every few seconds; past this many seconds their word is old.
STALE_AFTER = 10.0


@dataclass(frozen=True, slots=True)
class LightsStatus:
    """The lights at one moment.

    Args:
        written: seconds since boot.
        state: the name of the state that they show.
        trouble: what is wrong with the lights, in plain words; empty when nothing is.
        note: what they cannot do here, which is no trouble: a board without a light of its own, for one.
        shown: the name of what they show at this moment: the state, or what somebody asked for
            (``appliance.lights.scenes``), such as ``find``, or another state during a test.
    """

    written: float
    state: str
    trouble: str = ""
    note: str = ""
    shown: str = ""


def publish(path: Path, status: LightsStatus) -> None:
    """Write the status for the other processes; the folder is in RAM.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps(asdict(status), separators=(",", ":")).encode(), durable=False)


def read(path: Path, now: float) -> LightsStatus | None:
    """The lights' last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.lights_status``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        rest = (str(raw.get(name, "")) for name in ("trouble", "note", "shown"))
        found = LightsStatus(float(raw["written"]), str(raw["state"]), *rest)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return found if now - found.written <= STALE_AFTER else None
