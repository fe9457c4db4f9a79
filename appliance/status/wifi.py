"""How joining the Wi-Fi network goes: one word, written by ``/usr/lib/porchlight/join-wifi``."""

from enum import StrEnum
from pathlib import Path

# A word is shorter than this, in bytes.
LONGEST = 32


class WifiState(StrEnum):
    """What the supplicant is at."""

    SEARCHING = "searching"
    # No such network is in reach.
    ABSENT = "absent"
    # The network does not let this device in: almost always the password.
    REFUSED = "refused"
    JOINED = "joined"
    # The board has none, or it does not come up.
    NO_RADIO = "no-radio"


def read(path: Path) -> WifiState | None:
    """The last word; None where nobody asks for Wi-Fi, or before the first one.

    Args:
        path: ``Paths.wifi_state``.
    """
    try:
        with path.open("rb") as file:
            return WifiState(file.read(LONGEST).decode("ascii").strip())
    except (OSError, ValueError):
        return None
