"""Passwords: argon2id, at a cost that a small board can pay and a thief of the card cannot."""

import unicodedata

import gevent
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHash, VerificationError
from gevent.lock import BoundedSemaphore

from appliance.errors import SettingsError
from appliance.text import text

# Characters. Eight is what NIST SP 800-63B asks for at least; the upper limit bounds the work for one request.
SHORTEST = 8
LONGEST = 256

# OWASP's password storage cheat sheet names 19 MiB with two passes; one more pass costs a Pi 3 a tenth of a second.
# KiB of memory, passes, threads.
_hasher = PasswordHasher(time_cost=3, memory_cost=19 * 1024, parallelism=1, type=Type.ID)
# One at a time: a board of 512 MB must not pay 19 MiB for each impatient visitor.
_one_at_a_time = BoundedSemaphore(1)


def settled(password: str) -> str:
    """The password as it is hashed: the same letters count as the same, whatever keyboard made them (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_new(password: str, again: str) -> None:
    """Whether a new password will do.

    Raises:
        SettingsError: it is too short or too long, or the two differ.
    """
    if settled(password) != settled(again):
        raise SettingsError(
            text("The two passwords are not the same."), text("Nothing was saved."), text("Type both again.")
        )
    if not SHORTEST <= len(settled(password)) <= LONGEST:
        raise SettingsError(
            text(
                "The password must have at least %(shortest)s characters, and at most %(longest)s.",
                shortest=SHORTEST,
                longest=LONGEST,
            ),
            text("Nothing was saved."),
            text("Three or four words that you can remember make a good one."),
        )


def hashed(password: str) -> str:
    """The password's hash. Other requests go on meanwhile."""
    with _one_at_a_time:
        return str(gevent.get_hub().threadpool.apply(_hasher.hash, (settled(password),)))


def matches(password_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash; False too for a hash that is damaged. Other requests go on meanwhile."""
    if len(password) > LONGEST:
        return False
    with _one_at_a_time:
        return bool(gevent.get_hub().threadpool.apply(_verify, (password_hash, settled(password))))


def _verify(password_hash: str, password: str) -> bool:
    try:
        return bool(_hasher.verify(password_hash, password))
    except (VerificationError, InvalidHash):
        return False
