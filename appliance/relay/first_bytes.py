"""What a peer is, by the first bytes that it sends. No input or output.

The app speaks first: ``WA`` and two version bytes, or ``ED 00 01`` with routing information before them (read from
open clients; the version is never judged, since the next version of the app must work as well). Whatever
begins otherwise is a browser, a scanner or a mistake.
"""

from enum import Enum, auto

CHAT_BEGINNINGS = (b"WA", b"ED")
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
        return Peer.APP
    if data.startswith(HTTP_BEGINNINGS):
        return Peer.BROWSER
    if data.startswith(TLS_HANDSHAKE):
        return Peer.TLS
    known = (*CHAT_BEGINNINGS, *HTTP_BEGINNINGS, TLS_HANDSHAKE)
    if any(one.startswith(data) for one in known):
        return Peer.UNDECIDED
    return Peer.FOREIGN
