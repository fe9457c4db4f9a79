"""From what the rules in force were made: so the page, which follows the network anyway, sees when they are old.

Neither a daemon nor a timer waits for changes: a process more would be 15 MB of a small board's memory for something
that happens once a month, and the page looks at the network every two seconds as it is. While the page does not run,
there is no page to protect.
"""

import hashlib
import json
from pathlib import Path

from appliance.files import UNREADABLE, stamp, write_atomically
from appliance.network.home import Home
from appliance.paths import Paths

# In the digest's place, so that it is never taken for that of any home.
FAILED = "failed"


def digest(home: Home, paths: Paths) -> str:
    """What changes when rules should: the home's prefixes and gateways, and what the page has saved.

    Args:
        home: the home network now.
        paths: where this instance keeps its files.
    """
    facts = [
        home.connected,
        sorted(map(str, home.prefixes)),
        sorted(map(str, home.gateways)),
        stamp(paths.saved_settings),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def read(path: Path) -> str:
    """The digest for the rules in force; empty when there are none, or only the ones that the card brings.

    Args:
        path: ``Paths.firewall_status``.
    """
    try:
        return str(json.loads(path.read_bytes())["made_from"])
    except UNREADABLE:
        return ""


def failed(path: Path) -> bool:
    """Whether rules were made and nftables did not take them, the last time.

    Args:
        path: ``Paths.firewall_status``.
    """
    return read(path) == FAILED


def write(path: Path, made_from: str) -> None:
    """Note it, in RAM.

    Args:
        path: ``Paths.firewall_status``.
        made_from: the digest, or ``FAILED``.

    Raises:
        OSError: the folder is missing or full.
    """
    write_atomically(path, json.dumps({"made_from": made_from}).encode(), durable=False)
