"""How joining the Wi-Fi network goes: a word and since when it holds, written by ``usr/lib/porchlight/join-wifi``."""

from enum import StrEnum
from pathlib import Path

# Bytes; a word and a time are shorter.
LONGEST = 64
# Seconds. A network that was not found for so long is not in reach; a look at all channels takes five.
SEARCH_TAKES = 60.0


class WifiState(StrEnum):
    """What the supplicant is at."""

    SEARCHING = "searching"
    # Searched for long, and not found.
    ABSENT = "absent"
    # The network does not let this device in: almost always the password.
    REFUSED = "refused"
    JOINED = "joined"
    # The board has none, or it does not come up.
    NO_RADIO = "no-radio"


def read(path: Path, now: float) -> WifiState | None:
    """The last word; None where nobody asks for Wi-Fi, or before the first one.

    Args:
        path: ``Paths.wifi_state``.
        now: seconds since boot.
    """
    try:
        with path.open("rb") as file:
            word, since = file.read(LONGEST).decode("ascii").split()
        state, begun = WifiState(word), float(since)
    except (OSError, ValueError):
        return None
    return WifiState.ABSENT if state is WifiState.SEARCHING and now - begun > SEARCH_TAKES else state
