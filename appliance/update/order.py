"""What the updater asks of root, and what root answers: the whole of what one has to believe of the other.

The updater talks to the network and reads what comes from there, so it runs as a user of its own. Root writes the other
slot, marks slots and restarts the device, and takes its orders from files in a folder that only that user can write
(``/run/porchlight/order``). It believes nothing that stands there: an order is one of a few words, an HTTPS address, or
a bundle in one of two folders. The worst that a forged one does is to install what the makers have signed.
"""

import json
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from appliance.files import UNREADABLE
from appliance.paths import Paths
from appliance.status import word
from appliance.status.word import publish, sentence

__all__ = ["Answer", "Order", "answered", "parse", "publish", "taken"]

# Bytes; an order has an address in it at most.
LONGEST = 4096
# So that an answer is not taken for that to another order.
NUMBER = re.compile(r"[0-9a-f]{32}", re.ASCII)
# RFC 3986 has no other characters than these; no quotes, no backslash, nothing beyond ASCII.
ADDRESS = re.compile(r"https://[A-Za-z0-9.:\[\]-]{1,300}/[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]{0,2000}", re.ASCII)
BUNDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.raucb", re.ASCII)
# Where somebody at the card mounts a stick: only root can make it.
STICK = Path("/run/stick")


# What the smaller one of root's two services does: restart the device; take the slot that did not stay for bad.
RESTART, GIVE_UP = "restart", "give-up"


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for.

    Args:
        number: chosen at random, so that its answer is known.
        what: an address or a bundle's path for the installer; ``RESTART`` or ``GIVE_UP`` for the other one.
    """

    number: str
    what: str

    def written(self) -> bytes:
        """As it stands in its file."""
        return json.dumps({"number": self.number, "what": self.what}).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What root says to an order, while it works and at the end.

    Args:
        written: seconds since boot.
        number: of the order.
        percent: how far it is.
        ended: whether this is the last word.
        said: why it was not done, in plain words; empty when it was.
        means: what that means.
        todo: what to do.
    """

    written: float
    number: str
    percent: int = 0
    ended: bool = False
    said: str = ""
    means: str = ""
    todo: str = ""


def parse(data: bytes, may: Callable[[str], bool]) -> Order | None:
    """An order that may be carried out; None for anything else. No input or output but what ``may`` needs.

    Args:
        data: what stands in the file.
        may: whether this may be asked for.
    """
    try:
        raw: Any = json.loads(data)
        number, what = raw["number"], raw["what"]
        right = isinstance(number, str) and isinstance(what, str) and NUMBER.fullmatch(number) and may(what)
    except UNREADABLE:
        return None
    return Order(number, what) if right else None


def is_slot_order(what: str) -> bool:
    """Whether the smaller service may do this."""
    return what in (RESTART, GIVE_UP)


def is_address(what: str) -> bool:
    """Whether this is an address that a bundle may be streamed from. No input or output here."""
    if not ADDRESS.fullmatch(what):
        return False
    try:
        place = urlsplit(what)
        # A port that is none raises.
        return bool(place.hostname) and place.username is None and place.port != 0
    except ValueError:
        return False


def is_bundle(what: str, folders: tuple[Path, ...]) -> bool:
    """Whether this is the path of a file in one of these folders, and no link; its content is RAUC's business."""
    path = PurePosixPath(what)
    if what != str(path) or Path(path.parent) not in folders or not BUNDLE.fullmatch(path.name):
        return False
    try:
        return stat.S_ISREG(os.lstat(what).st_mode)
    except OSError:
        return False


def may_install(paths: Paths) -> Callable[[str], bool]:
    """What the installer takes on this card."""
    folders = (paths.update_upload.parent, STICK)
    return lambda what: is_address(what) or is_bundle(what, folders)


def left(path: Path) -> bytes | None:
    """What stands in a file that a less trusted user wrote; None when there is none.

    Neither a link nor a pipe is followed, and no more is read than an order can be long.
    """
    data = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                data = os.read(descriptor, LONGEST)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError:
        # A link, or a file that even root may not read.
        data = b""
    return data


def taken(path: Path) -> bytes | None:
    """What is ``left`` there, and the file is gone.

    Raises:
        OSError: it cannot be taken away.
    """
    data = left(path)
    if data is not None:
        path.unlink()
    return data


def answered(path: Path) -> Answer | None:
    """Root's last word; None when there is none."""
    return word.read(path, float("-inf"), _answer)


def _answer(raw: Any) -> Answer:
    return Answer(
        written=float(raw["written"]),
        number=str(raw["number"]),
        percent=int(raw["percent"]),
        ended=raw["ended"] is True,
        said=sentence(raw.get("said", "")),
        means=str(raw.get("means", "")),
        todo=str(raw.get("todo", "")),
    )
