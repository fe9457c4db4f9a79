"""Streams in this very process, between real TCP connections, with gevent's loop turned by the test."""

import os
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

import gevent

from appliance.relay import tls
from appliance.relay.common import Common
from appliance.relay.pipe import Pipe
from appliance.relay.stream import NO_ROOM, NOTHING_YET, READ, READ_SIZE, Stream
from appliance.relay.tls import Person, Secured

PATIENCE = 30.0
FROM_PERSON, TO_PERSON = 0, 1


def turn_until(condition: Callable[[], object], what: str) -> None:
    """Let the loop turn until ``condition`` is true."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, f"waited in vain: {what}"
        gevent.sleep(0.001)


def connected_pair(buffer: int = 0) -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection over loopback, non-blocking.

    Args:
        buffer: the size of the kernel's buffers in bytes, 0 for what it likes.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.socket()
        if buffer:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        near.connect(listening.getsockname())
        far, _ = listening.accept()
    near.setblocking(False)
    far.setblocking(False)
    return near, far


def shake_hands(client: socket.socket, person: Secured) -> tuple[ssl.SSLSocket, Secured]:
    """Bring both sides of a TLS connection to its beginning."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    speaking = context.wrap_socket(client, do_handshake_on_connect=False, suppress_ragged_eofs=False)
    ours = theirs = False
    while not (ours and theirs):
        with suppress(ssl.SSLWantReadError):
            speaking.do_handshake()
            theirs = True
        ours = ours or tls.shake_hands(person)
    return speaking, person


class TlsSide:
    """The relay's side of one TLS connection, with the other end of its socket in the test's hands."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._wire, here = socket.socketpair()
        for one in (self._wire, here):
            one.setblocking(False)
        self._person = tls.begin(context, here)
        self.established = False

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire; the plaintext that they complete.

        Raises:
            TlsError: the handshake failed or a record is damaged.
        """
        if data:
            self._wire.send(data)
        self.established = self.established or tls.shake_hands(self._person)
        plain = b""
        try:
            while self.established and (part := self._person.recv(READ_SIZE)):
                plain += part
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        except ssl.SSLError as error:
            raise tls.TlsError(error.reason) from error
        return plain

    def to_send(self) -> bytes:
        """What went over the wire."""
        parts = []
        with suppress(BlockingIOError):
            while part := self._wire.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        self._wire.close()
        self._person.close()


class Pumped:
    """One stream with both of its peers.

    Args:
        pipe: the way for large reads.
        buffer: the size of the kernel's buffers towards the client, 0 for what it likes.
        context: for a client that speaks TLS.
        common: what it has in common with another one; None to be alone.
    """

    def __init__(
        self,
        pipe: Pipe | None,
        buffer: int = 0,
        context: ssl.SSLContext | None = None,
        common: Common | None = None,
    ) -> None:
        self.client, wire = connected_pair(buffer)
        person: Person = wire
        if context is not None:
            self.client, person = shake_hands(self.client, tls.begin(context, wire))
        self.server, upstream = connected_pair()
        self.over = 0
        self.row = memoryview(bytearray(16)).cast("Q")
        readers = tuple(gevent.get_hub().loop.io(one.fileno(), READ) for one in (person, upstream))
        common = common or Common(self.row, pipe, self._closed, 1 << 40)
        self.stream = Stream(person, upstream, readers, common, (FROM_PERSON, TO_PERSON))
        self.stream.start(b"")

    def _closed(self, _stream: Stream) -> None:
        self.over += 1

    def is_over(self) -> bool:
        return self.over > 0

    def close(self) -> None:
        self.stream.close()
        self.client.close()
        self.server.close()


def send_once(connection: socket.socket, data: bytes | memoryview) -> int:
    """Send what fits now; how much that was."""
    try:
        return connection.send(data)
    except NO_ROOM:
        return 0


def receive_once(connection: socket.socket) -> bytes:
    """Let the loop turn once, and receive what there is."""
    gevent.sleep(0)
    try:
        return connection.recv(1 << 20)
    except NOTHING_YET:
        return b""


def send_all(connection: socket.socket, data: bytes) -> None:
    """Send everything, with the loop turning whenever there is no room."""
    left = memoryview(data)
    until = time.monotonic() + PATIENCE
    while left:
        try:
            left = left[connection.send(left) :]
        except NO_ROOM:
            assert time.monotonic() < until, f"{len(left)} bytes are not taken"
            gevent.sleep(0.001)


def send_what_fits(connection: socket.socket, data: bytes) -> int:
    """Send until nothing more is taken for a while; how much that was."""
    sent, quiet = 0, 0
    while quiet < 50 and sent < len(data):
        try:
            sent += connection.send(data[sent : sent + (1 << 20)])
            quiet = 0
        except NO_ROOM:
            quiet += 1
            gevent.sleep(0.002)
    return sent


def receive(connection: Person, count: int, piece: int = 1 << 20) -> bytes:
    """Receive ``count`` bytes, at most ``piece`` at a time."""
    parts: list[bytes] = []
    until = time.monotonic() + PATIENCE
    while count:
        try:
            part = connection.recv(min(piece, count))
        except NOTHING_YET:
            assert time.monotonic() < until, f"{count} bytes are missing"
            gevent.sleep(0.001)
            continue
        assert part, f"it ended {count} bytes too early"
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def at_end(connection: socket.socket) -> bool:
    """Whether nothing comes any more."""
    try:
        return connection.recv(1) == b""
    except NOTHING_YET:
        return False
    except ssl.SSLZeroReturnError:
        return True


def descriptors() -> int:
    """How many descriptors this process has open, among them the loop's own, which it opens at its first turn."""
    gevent.sleep(0)
    return len(os.listdir("/proc/self/fd"))
