"""What a peer is, by the first bytes that it sends. No input or output.

The app speaks first: ``WA`` and two version bytes, or ``ED 00 01`` with routing information before them (read from
open clients; the version is never judged, since the next version of the app must work as well). It sends all of that
at once, so what is cut off before it is no app yet. Whatever begins otherwise is a browser, a scanner or a mistake.
"""

from enum import Enum, auto

CHAT, ROUTED_CHAT = CHAT_BEGINNINGS = (b"WA", b"ED")
# Bytes of a greeting with its version.
GREETING = 4
# The version of routing information whose form is known: a length of so many bytes follows, and then what it counts.
KNOWN_ROUTING, ROUTING_LENGTH = b"\x00\x01", 3
# So much of it is waited for, in bytes. Real ones have less than a hundred, and nobody is turned away for a longer one.
ENOUGH_ROUTING = 4096
# RFC 9110 section 9, PATCH of RFC 5789, and the preface of HTTP/2, RFC 9113 section 3.4.
HTTP_BEGINNINGS = (
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
    b"PRI * HTTP/2",
)
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
    if data.startswith(HTTP_BEGINNINGS):
        return Peer.BROWSER
    if data.startswith(TLS_HANDSHAKE):
        return Peer.TLS
    known = (*CHAT_BEGINNINGS, *HTTP_BEGINNINGS, TLS_HANDSHAKE)
    if any(one.startswith(data) for one in known):
        return Peer.UNDECIDED
    return Peer.FOREIGN


def _size_of_greeting(data: bytes) -> int:
    """How many bytes a greeting of the chat has up to its version, as far as what has come of it tells."""
    if data.startswith(CHAT) or (len(data) >= GREETING and data[2:GREETING] != KNOWN_ROUTING):
        return GREETING
    begins = GREETING + ROUTING_LENGTH
    routing = int.from_bytes(data[GREETING:begins], "big") if len(data) >= begins else 0
    return begins + min(routing, ENOUGH_ROUTING) + GREETING
