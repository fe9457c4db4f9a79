"""Who owns this card: the record of the password, and what its absence or damage means.

The rule that keeps the page shut: only a record that is *not there* makes the card claimable, and claiming needs the
card's code all the same. A record that is there and cannot be understood opens nothing (docs/claiming.md).
"""

import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.clock import since_boot
from appliance.errors import SavedStateError
from appliance.files import UNREADABLE, write_atomically
from appliance.paths import Paths
from appliance.status.page import PageStatus, publish

ARGON2ID = "$argon2id$"


class Ownership(StrEnum):
    """Whether somebody has claimed this card."""

    UNCLAIMED = "unclaimed"
    CLAIMED = "claimed"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Record:
    """The owner's password.

    Args:
        hash: as argon2id writes it, salt and costs included.
        generation: a random text that changes with the password; a session of another generation has ended.
    """

    hash: str
    generation: str


def record_file(paths: Paths) -> Path:
    """Where the record lies."""
    return paths.page_state / "password.json"


def read_record(paths: Paths) -> Record | None:
    """The record, or None when there is none.

    Raises:
        SavedStateError: there is something, but it cannot be read or understood.
    """
    try:
        raw = json.loads(record_file(paths).read_bytes())
        record = Record(raw["hash"], raw["generation"])
        if not (record.hash.startswith(ARGON2ID) and len(record.generation) >= 16):
            raise ValueError("no argon2id hash, or no generation")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UNREADABLE as error:
        raise SavedStateError(
            "The password's file on the card is damaged.",
            "Nobody can sign in.",
            'Write claim_code = "a new code of your own" under [page] in porchlight.toml on the card and start again.',
        ) from error
    return record


def ownership(paths: Paths) -> Ownership:
    """Whether the card is claimed, as far as its files tell."""
    try:
        return Ownership.CLAIMED if read_record(paths) else Ownership.UNCLAIMED
    except SavedStateError:
        return Ownership.DAMAGED


def write_record(paths: Paths, password_hash: str) -> Record:
    """Set the password, which ends every session.

    Args:
        paths: where this instance keeps its files.
        password_hash: as ``passwords.hashed`` returns it.

    Raises:
        OSError: the card is full or failing; the former password still holds.
    """
    record = Record(password_hash, secrets.token_hex(16))
    content = json.dumps({"hash": record.hash, "generation": record.generation})
    write_atomically(record_file(paths), content.encode(), mode=0o600)
    # At once, so that whoever has just claimed the card does not read that it waits. The service says why, if it fails.
    with suppress(OSError):
        tell(paths)
    return record


def tell(paths: Paths) -> None:
    """Tell the other services whether the card is claimed; they may not read the record.

    Raises:
        OSError: the folder of the page's status is missing or full.
    """
    publish(paths.page_status, PageStatus(since_boot(), ownership(paths)))


def session_key(paths: Paths) -> bytes:
    """The key that signs sessions; made at the first call, and made anew when it is damaged.

    A new key ends all sessions and opens none, so damage needs no message.

    Raises:
        OSError: the card is full or failing.
    """
    path = paths.page_state / "session.key"
    try:
        key = path.read_bytes()
        if len(key) == 32:
            return key
    except OSError:
        pass
    key = secrets.token_bytes(32)
    write_atomically(path, key, mode=0o600)
    return key
