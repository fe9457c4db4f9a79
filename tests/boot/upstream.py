"""What stands in for WhatsApp: listens where the relay is told to go, remembers every byte, and answers.

Each connection gets the same answer, ``answer(port)``, as soon as its first bytes are there: so both directions are
busy at once, and either side can say whether a byte was lost.
"""

import hashlib
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.boot.home import UPSTREAM, Home

CHAT, HTTP, MEDIA = 5222, 80, 443
MIB = 1024 * 1024
# PROXY protocol, version 1, section 2.1: at most 107 bytes.
HEADER = re.compile(rb"PROXY (TCP4|TCP6) (\S+) (\S+) (\d+) (\d+)\r\n")
LONGEST_HEADER = 107
# Bytes by which a connection is recognised.
BEGIN = 64


class Origin(NamedTuple):
    """Who a connection is for, as the relay says: address and port."""

    address: str
    port: int


@dataclass(slots=True)
class Session:
    """One connection from the relay.

    Args:
        port: which of the upstream's ports.
        origin: whom the relay announced; None when it did not.
        received: everything after that.
        ended: set when the relay has closed its direction, or the connection broke.
    """

    port: int
    origin: Origin | None = None
    received: bytearray = field(default_factory=bytearray)
    ended: threading.Event = field(default_factory=threading.Event)


def split_header(data: bytes) -> tuple[Origin | None, bytes] | None:
    """Take the PROXY header off the first bytes of a chat connection.

    Returns:
        Whom it names and what comes after it; None when more bytes are needed to tell.
    """
    if b"\r\n" not in data[:LONGEST_HEADER]:
        return None if len(data) < LONGEST_HEADER and b"PROXY ".startswith(data[:6]) else (None, data)
    found = HEADER.match(data)
    return (Origin(found[2].decode(), int(found[4])), data[found.end() :]) if found else (None, data)


def answer(port: int) -> bytes:
    """What the upstream says on that port, in every connection."""
    return hashlib.shake_128(str(port).encode()).digest(MIB)


class Upstream:
    """The upstream's three ports. They listen from the start; the address comes and goes.

    Args:
        home: where it is reached.
        address: of its own.
    """

    def __init__(self, home: Home, address: str = UPSTREAM) -> None:
        self._home = home
        self._address = address
        self._reachable = False
        self.sessions: list[Session] = []
        self._listeners = [home.listen(address, port) for port in (CHAT, HTTP, MEDIA)]
        for listener in self._listeners:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def set_reachable(self, reachable: bool) -> None:
        """Let the board reach it, or let nobody answer there any more."""
        if reachable != self._reachable:
            (self._home.add_address if reachable else self._home.remove_address)(self._address)
            self._reachable = reachable

    def wait_for(self, said: bytes, timeout: float = 60.0) -> Session:
        """The one connection that begins like ``said``, as soon as all of it is there.

        A person who hangs up before the answer is read breaks the connection, and what is on its way is lost
        (RFC 9293, section 3.10.4): so tests wait for this first.

        Raises:
            AssertionError: within that many seconds it did not arrive, or something else did.
        """
        deadline = time.monotonic() + timeout
        while True:
            found = [one for one in list(self.sessions) if one.received[:BEGIN] == said[:BEGIN]]
            if found and len(found[0].received) >= len(said):
                assert len(found) == 1, f"{len(found)} connections begin alike"
                assert bytes(found[0].received) == said, "something else has arrived"
                return found[0]
            there = [len(one.received) for one in found]
            assert time.monotonic() < deadline, f"of {len(said)} bytes, {there} have arrived in {timeout} s"
            time.sleep(0.05)

    def close(self) -> None:
        """Stop listening."""
        for listener in self._listeners:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, port), daemon=True).start()

    def _serve(self, connection: socket.socket, port: int) -> None:
        session = Session(port)
        first = b""
        # A connection that only looks whether somebody is there leaves no session.
        with connection, suppress(OSError):
            while data := connection.recv(65536):
                if session.received:
                    session.received += data
                    continue
                first += data
                opening = (None, first) if port == MEDIA else split_header(first)
                if opening is None or not opening[1]:
                    continue
                session.origin, rest = opening
                session.received += rest
                self.sessions.append(session)
                threading.Thread(target=_say, args=(connection, answer(port)), daemon=True).start()
        session.ended.set()


def _say(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):
        connection.sendall(data)
