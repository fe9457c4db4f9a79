"""What the lights show: written by the lights, read by the page and ``porchlight check``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.status import word
from appliance.status.word import publish, sentence

__all__ = ["LightsStatus", "publish", "read"]

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


def read(path: Path, now: float) -> LightsStatus | None:
    """The lights' last word, or None when there is none, or only an old one.

    Args:
        path: ``Paths.lights_status``.
        now: seconds since boot.
    """
    return word.read(path, now - STALE_AFTER, _status)


def _status(raw: Any) -> LightsStatus:
    trouble, note = (sentence(raw.get(name, "")) for name in ("trouble", "note"))
    return LightsStatus(float(raw["written"]), str(raw["state"]), trouble, note, str(raw.get("shown", "")))
