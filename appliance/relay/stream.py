"""A relayed stream: two sockets, bytes copied both ways by callbacks, nothing held while it is idle.

One flow for each direction. A flow reads into a buffer that all streams of the process share and sends at once;
only when the receiving side is slow does it keep the rest (one buffer at the most) and stop reading until
that is gone. The end of one direction is passed on as a half-close; the other direction goes on.
"""

import logging
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gevent import get_hub

from appliance.relay.tls import TlsSession

log = logging.getLogger(__name__)

READ, WRITE = 1, 2
# The buffer that all streams share, in bytes: what one slow reader can make us hold, and what one event copies.
BUFFER_SIZE = 64 * 1024
# SO_LINGER with no time: close() sends RST, which tells the peer at once and leaves nothing behind here.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_buffer = bytearray(BUFFER_SIZE)
_view = memoryview(_buffer)


class Flow:
    """One direction of a stream: bytes from ``source`` to ``sink``.

    Args:
        stream: which stream it belongs to.
        source: where bytes come from.
        sink: where they go.
        cell: the counter of this direction in the shared row.
    """

    __slots__ = ("_cell", "_pending", "_reader", "_sink", "_source", "_stream", "_writer", "ended")

    def __init__(self, stream: "Stream", source: socket.socket, sink: socket.socket, cell: int) -> None:
        self._stream = stream
        self._source = source
        self._sink = sink
        self._cell = cell
        self._pending: bytes | memoryview = b""
        self.ended = False
        self._writer: Any = None
        self._reader: Any = get_hub().loop.io(source.fileno(), READ)

    def start(self, first: bytes) -> None:
        """Begin: ``first`` goes before everything that is read."""
        if first:
            self._deliver(first)
        if not self._pending and not self.ended:
            self._reader.start(self._readable)

    def _take(self, count: int) -> memoryview | bytes:
        """What ``count`` fresh bytes in the shared buffer mean to the sink; a TLS flow transforms them."""
        return _view[:count]

    def _finish(self) -> None:
        """Tell the sink that no more comes."""
        self._sink.shutdown(socket.SHUT_WR)

    def _readable(self) -> None:
        stream = self._stream
        try:
            try:
                count = self._source.recv_into(_buffer)
            except BlockingIOError:
                return
            stream.active = True
            if count:
                data = self._take(count)
                if data:
                    self._deliver(data)
                if not self.ended:
                    return
            self.end()
        except OSError:
            stream.fail()
        except Exception:
            log.exception("A stream was closed by a mistake in porchlight.")
            stream.close()

    def _deliver(self, data: bytes | memoryview) -> None:
        stream = self._stream
        try:
            sent = self._sink.send(data)
        except BlockingIOError:
            sent = 0
        stream.row[self._cell] += sent
        if sent < len(data):
            # A copy, since the buffer is everybody's.
            self._pending = bytes(memoryview(data)[sent:])
            self._reader.stop()
            if self._writer is None:
                self._writer = get_hub().loop.io(self._sink.fileno(), WRITE)
            self._writer.start(self._writable)

    def _writable(self) -> None:
        stream = self._stream
        try:
            try:
                sent = self._sink.send(self._pending)
            except BlockingIOError:
                return
            stream.active = True
            stream.row[self._cell] += sent
            self._pending = memoryview(self._pending)[sent:]
            if self._pending:
                return
            self._pending = b""
            self._writer.stop()
            self._writer.close()
            self._writer = None
            if self.ended:
                self._finish()
                stream.ended()
            else:
                self._reader.start(self._readable)
        except OSError:
            stream.fail()
        except Exception:
            log.exception("A stream was closed by a mistake in porchlight.")
            stream.close()

    def end(self) -> None:
        """The source has sent its last byte."""
        self.ended = True
        self._reader.stop()
        if not self._pending:
            self._finish()
            self._stream.ended()

    def push(self, data: bytes) -> None:
        """Send bytes to the sink that did not come from the source, in their place in the order."""
        if self._pending:
            self._pending = bytes(self._pending) + data
        else:
            self._deliver(data)

    @property
    def holds(self) -> bool:
        """Whether the sink has still to take something."""
        return bool(self._pending)

    @property
    def done(self) -> bool:
        """Whether everything has been passed on, the end included."""
        return self.ended and not self._pending

    def stop(self) -> None:
        """Give the loop's watchers back, before the sockets are closed."""
        for watcher in (self._reader, self._writer):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._reader = self._writer = None
        self._pending = b""


class TlsFlow(Flow):
    """One direction of a stream whose person speaks TLS; further argument: the established session."""

    __slots__ = ("_tls",)

    def __init__(
        self, stream: "Stream", source: socket.socket, sink: socket.socket, cell: int, tls: TlsSession
    ) -> None:
        super().__init__(stream, source, sink, cell)
        self._tls = tls


class DecryptingFlow(TlsFlow):
    """From a person to the upstream, out of TLS."""

    __slots__ = ()

    def _take(self, count: int) -> bytes:
        try:
            plain = self._tls.receive(_view[:count])
        finally:
            # Also when a record is damaged: the peer is told why.
            answer = self._tls.to_send()
            if answer:
                self._stream.to_person.push(answer)
        # The TLS stream can end although the TCP one has not: what is read after that means nothing.
        self.ended = self._tls.finished
        return plain


class EncryptingFlow(TlsFlow):
    """From the upstream to a person, into TLS."""

    __slots__ = ()

    def _take(self, count: int) -> bytes:
        return self._tls.send(_view[:count])

    def _finish(self) -> None:
        # A socket that cannot take these 24 bytes belongs to a peer that has stopped reading: the end alone must do.
        with suppress(BlockingIOError):
            self._sink.send(self._tls.close_notify())
        self._sink.shutdown(socket.SHUT_WR)


class Stream:
    """One relayed stream.

    Args:
        person: the client's socket, non-blocking.
        upstream: the upstream's socket, connected and non-blocking.
        tls: the established session with the person, None where bytes are copied as they are.
        row: this worker's counters.
        cells: the counters of the two directions: from people, to people.
        closed: called once, when the stream is over.
    """

    __slots__ = ("_closed", "_person", "_tls", "_upstream", "active", "from_person", "quiet", "row", "to_person")

    def __init__(
        self,
        person: socket.socket,
        upstream: socket.socket,
        tls: TlsSession | None,
        row: "memoryview[int]",
        cells: tuple[int, int],
        closed: Callable[["Stream"], None],
    ) -> None:
        self._person = person
        self._upstream = upstream
        self._tls = tls
        self.row = row
        self._closed: Callable[[Stream], None] | None = closed
        self.active = True
        self.quiet = 0
        if tls is None:
            self.from_person = Flow(self, person, upstream, cells[0])
            self.to_person = Flow(self, upstream, person, cells[1])
        else:
            self.from_person = DecryptingFlow(self, person, upstream, cells[0], tls)
            self.to_person = EncryptingFlow(self, upstream, person, cells[1], tls)

    def start(self, first: bytes) -> None:
        """Begin to relay; ``first`` is what the upstream gets before anything else."""
        try:
            self.to_person.start(b"")
            self.from_person.start(first)
            if self._tls is not None and self._tls.finished:
                self.from_person.end()
        except OSError:
            self.fail()

    def ended(self) -> None:
        """One direction is over; the stream is, when both are."""
        if self.from_person.done and self.to_person.done:
            self.close()

    def fail(self) -> None:
        """End the stream because one side broke off: the upstream must not take it for a whole one."""
        if self._closed is None:
            return
        with suppress(OSError):
            self._upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close()

    def close(self) -> None:
        """End the stream at once; harmless when it has ended already."""
        if self._closed is None:
            return
        closed, self._closed = self._closed, None
        self._take_leave()
        self.from_person.stop()
        self.to_person.stop()
        self._person.close()
        self._upstream.close()
        closed(self)

    def _take_leave(self) -> None:
        """A person who is still connected gets an orderly end, as far as that is possible without waiting."""
        with suppress(OSError):
            if self._tls is not None and not self.to_person.ended and not self.to_person.holds:
                self._person.send(self._tls.close_notify())
            # With something unread the kernel would send RST, which can destroy what the person has not read yet.
            if not self.from_person.ended:
                self._person.recv_into(_buffer)
