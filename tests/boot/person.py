"""Somebody who uses the relay: sends and receives at the same time, over TLS or without."""

import hashlib
import select
import socket
import ssl
import time
from contextlib import suppress

from tests.boot.home import STRANGER, Home

# What a chat begins with: "WA" and a version (docs/relay.md).
CHAT_BEGIN = b"WA\x06\x03"
# And what media begin with: the shortest first message of TLS, a ClientHello with nothing in it.
MEDIA_BEGIN = b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"
# Seconds for one exchange of a MiB each way with an emulated board on a busy machine.
PATIENCE = 180.0
NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def chat(who: str, size: int) -> bytes:
    """What somebody says in a chat: the right beginning, then anything, but for the same person always the same."""
    return _said(CHAT_BEGIN, who, size)


def media(who: str, size: int) -> bytes:
    """What somebody's app says to the media servers, which is TLS from the first byte on."""
    return _said(MEDIA_BEGIN, who, size)


def _said(begin: bytes, who: str, size: int) -> bytes:
    return begin + hashlib.shake_128(who.encode()).digest(size - len(begin))


def tls(connection: socket.socket) -> ssl.SSLSocket:
    """Speak TLS as the app does: any certificate is good."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def connect(home: Home, port: int, *, with_tls: bool = False, source: str = STRANGER) -> socket.socket:
    """Connect to the relay as somebody far away does, or from another address."""
    connection = home.connect(port, source)
    return tls(connection) if with_tls else connection


def exchange(connection: socket.socket, data: bytes, expect: int, timeout: float = PATIENCE) -> bytes:
    """Send all of ``data`` and receive ``expect`` bytes, both at once.

    Args:
        connection: plain or TLS.
        data: to send.
        expect: how many bytes to wait for.
        timeout: seconds.

    Returns:
        What was received: fewer bytes if the other side closed before.

    Raises:
        TimeoutError: it took longer.
        OSError: the connection broke.
    """
    deadline = time.monotonic() + timeout
    received = bytearray()
    left = memoryview(data)
    connection.setblocking(False)
    while left or len(received) < expect:
        wanted = expect - len(received)
        progress = False
        if wanted:
            with suppress(*NOT_YET):
                piece = connection.recv(min(65536, wanted))
                if not piece:
                    break
                received += piece
                progress = True
        if left:
            with suppress(*NOT_YET):
                left = left[connection.send(left[:65536]) :]
                progress = True
        if not progress:
            select.select([connection] if wanted else [], [connection] if left else [], [], 1.0)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(data) - len(left)} bytes sent and {len(received)} received in {timeout} s")
    return bytes(received)
