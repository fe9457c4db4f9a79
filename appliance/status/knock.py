"""The knock: the owner opens a link that works once, from a phone outside, and that proves that the relay is reached.

The setup page writes what to look for into a file in RAM, without the link itself: a digest suffices to know it again.
The relay says in its status when and from where it was opened (``KnockStatus``).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from appliance.files import UNREADABLE, write_atomically

# Where the link points; what follows is the token. Dull, as that of many sites that shorten links.
FOLDER = "/s/"
# 128 bits of chance (secrets.token_urlsafe), in characters.
TOKEN_BYTES = 16
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
# A larger file is none. Bytes.
LARGEST_FILE = 4096
# As many characters of a digest as tell one knock from another.
SHORT = 16


@dataclass(frozen=True, slots=True)
class Expected:
    """The knock that the relay is to wait for.

    Args:
        digest: of the token, as ``digest_of`` makes it.
        until: when it ends, in seconds since boot.
        own: the home's own outer addresses, where they are known: who comes from there is at home.
    """

    digest: str
    until: float
    own: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """Its name in the relay's status."""
        return self.digest[:SHORT]


@dataclass(frozen=True, slots=True)
class KnockStatus:
    """What the relay says of a knock.

    Args:
        token: which one (``Expected.short``).
        seen: when it came, in whole seconds since boot.
        outside: whether it came from outside. With ``router`` the router's own address brought it: a router that
            passes strangers on under its own address, or one that lets people at home in by the outer name.
        router: as said.
        tls: whether it came inside the TLS of the chat port; else in clear, which proves that port alone.
        port: where it came.
    """

    token: str
    seen: int
    outside: bool
    router: bool
    tls: bool
    port: int


def digest_of(token: str) -> str:
    """What stands in the file instead of the token."""
    # As in ``wifi.rules``: whoever reads a status would have OpenSSL in memory.
    import hashlib

    return hashlib.sha256(token.encode()).hexdigest()


def expect(path: Path, digest: str, until: float, own: Iterable[str] = ()) -> None:
    """Let the relay wait for a knock, and for no former one any more.

    Args:
        path: ``Paths.knock``.
        digest: of its token.
        until: when it ends, in seconds since boot.
        own: the home's own outer addresses.

    Raises:
        OSError: the folder in RAM is missing or full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {"digest": digest, "until": until, "own": list(own)}
    write_atomically(path, json.dumps(raw).encode(), durable=False)


def expected(path: Path) -> Expected | None:
    """The knock that is waited for, also when its time is over; None when there is none or its file is damaged."""
    try:
        with path.open("rb") as file:
            raw = json.loads(file.read(LARGEST_FILE))
        found = Expected(raw["digest"], float(raw["until"]), tuple(str(one) for one in raw["own"]))
    except UNREADABLE:
        return None
    return found if isinstance(found.digest, str) and len(found.digest) == 64 else None
