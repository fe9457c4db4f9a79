"""The page's side of the knock: a link that works once, and whether it has been opened from outside yet.

The link itself stays with the page, in a file in RAM that only its user can read, so that a restart of the page does
not make the printed QR code useless. The relay gets a digest (``appliance/status/knock.py``).
"""

import json
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.files import UNREADABLE, write_atomically
from appliance.paths import Paths
from appliance.status import knock
from appliance.status.knock import FOLDER, TOKEN, TOKEN_BYTES, KnockStatus, digest_of
from appliance.status.relay import RelayStatus

# Seconds that a link works: time to find the phone and to turn its Wi-Fi off, and to try twice.
LASTS = 900.0


class State(StrEnum):
    """How a knock stands."""

    NONE = "none"
    WAITING = "waiting"
    SEEN_OUTSIDE = "seen-outside"
    SEEN_INSIDE = "seen-inside"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Knock:
    """One link and what came of it.

    Args:
        state: how it stands.
        path: the link's path; empty when there is no link.
        ends: when it ends, in seconds since boot.
        seen: what the relay said about the best visit; None as long as there was none.
    """

    state: State
    path: str = ""
    ends: float = 0.0
    seen: KnockStatus | None = None


def begin(paths: Paths, now: float, own: Iterable[str] = ()) -> Knock:
    """Make a new link; the former one is worthless from then on.

    Args:
        paths: where this instance keeps its files.
        now: seconds since boot.
        own: the home's own outer addresses, where they are known: who opens the link from one of them is at home.

    Raises:
        OSError: the folder in RAM is missing or full.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    file = _token_file(paths)
    file.parent.mkdir(parents=True, exist_ok=True)
    # The link first: without it the relay would wait for something that nobody can show.
    write_atomically(file, json.dumps(token).encode(), mode=0o600, durable=False)
    knock.expect(paths.knock, digest_of(token), now + LASTS, own)
    return Knock(State.WAITING, FOLDER + token, now + LASTS)


def current(paths: Paths, relay: RelayStatus | None, now: float) -> Knock:
    """How the last link stands.

    Args:
        paths: where this instance keeps its files.
        relay: the relay's last word.
        now: seconds since boot.
    """
    expected, token = knock.expected(paths.knock), _token(paths)
    if expected is None or not token or digest_of(token) != expected.digest:
        return Knock(State.NONE)
    told = relay.knock if relay and relay.knock and relay.knock.token == expected.short else None
    return Knock(_state(told, now >= expected.until), FOLDER + token, expected.until, told)


def end(paths: Paths) -> None:
    """Forget the link; harmless when there is none.

    Raises:
        OSError: a file cannot be removed.
    """
    paths.knock.unlink(missing_ok=True)
    _token_file(paths).unlink(missing_ok=True)


def _state(told: KnockStatus | None, over: bool) -> State:
    # What was seen was seen, also when the time is over now.
    if told and told.outside:
        return State.SEEN_OUTSIDE
    if over:
        return State.EXPIRED
    return State.SEEN_INSIDE if told else State.WAITING


def _token_file(paths: Paths) -> Path:
    return paths.knock.with_name("knock-link")


def _token(paths: Paths) -> str:
    with suppress(*UNREADABLE):
        found = json.loads(_token_file(paths).read_bytes())
        if isinstance(found, str) and TOKEN.fullmatch(found):
            return found
    return ""
