"""What a peer is, by the first bytes that it sends. No input or output.

The app speaks first: ``WA`` and two version bytes, or ``ED 00 01`` with routing information before them (read from
open clients; the version is never judged, since the next version of the app must work as well). It sends all of that
at once, so what is cut off before it is no app yet. Whatever begins otherwise is a browser, a scanner or a mistake.
"""

import re
from enum import Enum, auto

CHAT, ROUTED_CHAT = CHAT_BEGINNINGS = (b"WA", b"ED")
# Bytes of a greeting with its version.
GREETING = 4
# The version of routing information whose form is known: a length of so many bytes follows, and then what it counts.
KNOWN_ROUTING, ROUTING_LENGTH = b"\x00\x01", 3
# So much of it is waited for, in bytes. Real ones have less than a hundred, and nobody is turned away for a longer one.
ENOUGH_ROUTING = 4096
# A word of capitals and a space, and perhaps empty lines before it: whoever asks so is answered like any browser, also
# for a method that nobody knows. None of them begins as an app does. Longer words are no method's.
HTTP_BEGINNING = re.compile(rb"[\r\n]*[A-Z_-]{1,64} ")
HTTP_BEGUN = re.compile(rb"[\r\n]*[A-Z_-]{0,64}")
# So many bytes of empty lines are waited for.
EMPTY_LINES = 256
TLS_HANDSHAKE = b"\x16\x03"


class Peer(Enum):
    """Who is speaking."""

    UNDECIDED = auto()
    APP = auto()
    BROWSER = auto()
    TLS = auto()
    FOREIGN = auto()


def classify(data: bytes) -> Peer:
    """Tell who is speaking.

    Args:
        data: everything received so far.

    Returns:
        UNDECIDED while ``data`` is only a part of a known beginning.
    """
    if data.startswith(CHAT_BEGINNINGS):
        return Peer.APP if len(data) >= _size_of_greeting(data) else Peer.UNDECIDED
    if HTTP_BEGINNING.match(data):
        return Peer.BROWSER
    if data.startswith(TLS_HANDSHAKE):
        return Peer.TLS
    known = (*CHAT_BEGINNINGS, TLS_HANDSHAKE)
    if any(one.startswith(data) for one in known) or (HTTP_BEGUN.fullmatch(data) and len(data) < EMPTY_LINES):
        return Peer.UNDECIDED
    return Peer.FOREIGN


def _size_of_greeting(data: bytes) -> int:
    """How many bytes a greeting of the chat has up to its version, as far as what has come of it tells."""
    if data.startswith(CHAT) or (len(data) >= GREETING and data[2:GREETING] != KNOWN_ROUTING):
        return GREETING
    begins = GREETING + ROUTING_LENGTH
    routing = int.from_bytes(data[GREETING:begins], "big") if len(data) >= begins else 0
    return begins + min(routing, ENOUGH_ROUTING) + GREETING
