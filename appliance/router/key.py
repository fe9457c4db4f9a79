"""The secret from which PCP's nonces come: it outlives a power cut, so the router still knows whose a mapping is."""

import os
from pathlib import Path

from appliance.files import write_atomically

LENGTH = 32  # bytes


def key_of(folder: Path) -> bytes:
    """The key in the service's own folder, made if there is none yet.

    Raises:
        OSError: it can neither be read nor written.
    """
    path = folder / "key"
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = b""
    if len(found) != LENGTH:
        found = os.urandom(LENGTH)
        write_atomically(path, found, mode=0o600)
    return found
