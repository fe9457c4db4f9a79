"""What the setup page asks of the lights: a small file that the page writes and the lights read."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.files import UNREADABLE

# Seconds after which nobody waits for it any more: a request from before the lights were started again is none.
OLD_AFTER = 15.0


class Ask(StrEnum):
    """What can be asked for."""

    TEST = "test"
    FIND = "find"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Args:
        ask: what for.
        at: when, in seconds since boot.
    """

    ask: Ask
    at: float


def read(path: Path, now: float) -> Request | None:
    """The page's last request, or None when there is none, an old one, or one that cannot be understood.

    Args:
        path: ``Paths.lights_request``.
        now: seconds since boot.
    """
    try:
        raw = json.loads(path.read_bytes())
        request = Request(Ask(raw["request"]), float(raw["at"]))
    except UNREADABLE:
        return None
    return request if 0 <= now - request.at <= OLD_AFTER else None
