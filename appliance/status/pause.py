"""The pause: a file in RAM in which the setup page tells the relay until when to rest.

It counts seconds since boot, so no clock that is set meanwhile can lengthen it, and a reboot ends it. It ends by itself
when the time has come, whether the page runs or not.
"""

import json
from pathlib import Path

from appliance.files import UNREADABLE, write_atomically

# The longest pause, in seconds. Whoever wants more switches the relay off, which a reboot does not end.
LONGEST = 24 * 3600.0
# A file of this size is no pause. Bytes.
LARGEST_FILE = 1024


def until(path: Path, now: float) -> float | None:
    """When the pause ends, in seconds since boot; None when there is none, it is over, or its file is damaged.

    Args:
        path: ``Paths.pause``.
        now: seconds since boot.
    """
    try:
        with path.open("rb") as file:
            end = float(json.loads(file.read(LARGEST_FILE))["until"])
    except UNREADABLE:
        return None
    # What claims to last for ever was not written by ``begin``; nothing but the switch may rest without an end.
    return end if now < end <= now + LONGEST else None


def begin(path: Path, now: float, seconds: float) -> float:
    """Let the relay rest from now on.

    Args:
        path: ``Paths.pause``.
        now: seconds since boot.
        seconds: how long, ``LONGEST`` at most.

    Returns:
        When it ends, in seconds since boot.

    Raises:
        ValueError: no time, or too long a one.
        OSError: the folder in RAM is missing or full; the relay goes on.
    """
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"a pause of {seconds:g} seconds")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"until": now + seconds}).encode(), durable=False)
    return now + seconds


def end(path: Path) -> None:
    """Let the relay go on; harmless when there is no pause.

    Raises:
        OSError: the file cannot be removed.
    """
    path.unlink(missing_ok=True)
