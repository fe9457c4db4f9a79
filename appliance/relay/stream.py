"""A relayed stream: two sockets, bytes copied both ways by callbacks, nothing held while it is idle.

One flow for each direction. A flow reads and sends at once; only when the receiving side is slow does it keep the rest
(``MOST`` bytes of ``pipe`` or one buffer) and stop reading until that is gone. A flow that finds much to read goes
on by splice(2), where the kernel moves the bytes by itself. The end of one direction is passed on as a half-close; the
other direction goes on.
"""

import _socket
import logging
import socket
import ssl
import struct
from contextlib import suppress
from typing import Any, cast

from gevent import get_hub

from appliance.relay import tls
from appliance.relay.common import Common
from appliance.relay.tls import Person, Secured, wire_of

log = logging.getLogger(__name__)

READ, WRITE = 1, 2
# One ordinary read, in bytes: many chat messages, and the largest TLS record. A read that it does not suffice for is
# followed by larger ones.
READ_SIZE = 16 * 1024
# Most messages are not larger than this, in bytes.
SMALL = 1024
# The buffer that all streams share, in bytes: what a larger read takes, what one slow reader can make us hold, and what
# one event copies.
BUFFER_SIZE = 64 * 1024
# SO_LINGER with no time: close() sends RST, which tells the peer at once and leaves nothing behind here.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_buffer = bytearray(BUFFER_SIZE)
_view = memoryview(_buffer)
# The beginnings of it that small messages need, made once: to make a view, or bytes, for each message costs more.
_begun = tuple(_view[:count] for count in range(SMALL + 1))
# Where the next record goes, after those that the buffer holds already.
_rest_from = {at: _view[at:] for at in range(0, BUFFER_SIZE, READ_SIZE)}
# What a socket says, with TLS or without, when there is nothing to read and when there is no room to write.
NOTHING_YET = (BlockingIOError, ssl.SSLWantReadError)
NO_ROOM = (BlockingIOError, ssl.SSLWantWriteError)


class Flow:
    """One direction of a stream: bytes from ``source`` to ``sink``.

    Args:
        stream: which stream it belongs to.
        source: where bytes come from.
        sink: where they go.
        cell: the counter of this direction in the shared row.
        reader: the loop's watcher of the source, started for nothing that this flow would miss.
    """

    __slots__ = ("_cell", "_large", "_pending", "_reader", "_sink", "_source", "_stream", "_writer", "ended")

    def __init__(self, stream: "Stream", source: Person, sink: Person, cell: int, reader: Any) -> None:
        self._stream = stream
        self._source = source
        self._sink = sink
        self._cell = cell
        self._pending: bytes | memoryview = b""
        # Whether the last read was one that READ_SIZE did not suffice for.
        self._large = False
        self.ended = False
        self._writer: Any = None
        self._reader = reader

    def start(self, first: bytes) -> None:
        """Begin: ``first`` goes before everything that is read."""
        if first:
            self._deliver(first)
        if self._pending or self.ended:
            self._reader.stop()
        else:
            # A watcher that runs already only gets its new callback, which asks nothing of the kernel.
            self._reader.start(self._readable)

    def _readable(self) -> None:
        # Every small message comes through here, so it is written for few steps.
        stream = self._stream
        try:
            if self._large and stream.common.held <= stream.common.roomy:
                self._pass_large()
                return
            try:
                size = self._source.recv_into(_buffer, READ_SIZE)
            except (*NOTHING_YET, MemoryError):
                # Without memory not a byte has been taken: the loop comes again.
                return
            stream.active = True
            if not size:
                self.end()
                return
            if size <= SMALL:
                data = _begun[size]
            else:
                data = _view[:size]
                self._large = size == READ_SIZE
            try:
                sent = self._sink.send(data)
            except NO_ROOM:
                sent = 0
            stream.common.row[self._cell] += sent
            if sent < size:
                # A copy, since the buffer is everybody's.
                self._keep(bytes(data[sent:]))
        except BlockingIOError:
            # The kernel said that there was something, and there is nothing.
            pass
        except ssl.SSLZeroReturnError:
            # This is how OpenSSL puts the end of a person's bytes when we have told the person our own end before.
            self.end()
        except (OSError, MemoryError):
            stream.fail()
        except Exception:
            log.exception("A stream was closed by a mistake in porchlight.")
            stream.close()

    def _pass_large(self) -> None:
        """Pass on as much as there is, within ``pipe.MOST``."""
        stream = self._stream
        pipe = stream.common.pipe
        if pipe is None:
            self._copy_large()
            return
        if stream.from_person.holds or stream.to_person.holds:
            # A peer who does not read stops both directions in the end: no second large rest for the same stream.
            data = self._source.recv(READ_SIZE)
            stream.active = True
            if data:
                self._deliver(data)
            else:
                self.end()
            return
        try:
            count, rest = pipe.move(self._source.fileno(), self._sink.fileno())
        except NOTHING_YET:
            self._large = False
            return
        self._large = count > READ_SIZE
        stream.active = True
        stream.common.row[self._cell] += count - len(rest)
        if rest:
            self._keep(rest)
        elif not count:
            self.end()

    def _copy_large(self) -> None:
        """The same by way of the shared buffer."""
        try:
            count = cast(_socket.socket, self._source).recv_into(_buffer)
        except NOTHING_YET:
            self._large = False
            return
        self._large = count > READ_SIZE
        self._stream.active = True
        if count:
            self._deliver(_view[:count])
        else:
            self.end()

    def finish(self, *, last: bool) -> bool:
        """Tell the sink that no more comes.

        Args:
            last: whether the stream ends with it, so that the sink is closed at once and that says it.

        Returns:
            False when there is no room to say it yet; ``Stream.ended`` will be called again.
        """
        if not last:
            wire_of(self._sink).shutdown(socket.SHUT_WR)
        return True

    def _deliver(self, data: bytes | memoryview) -> None:
        try:
            sent = self._sink.send(data)
        except NO_ROOM:
            sent = 0
        self._stream.common.row[self._cell] += sent
        if sent < len(data):
            # A copy, since the buffer is everybody's.
            self._keep(bytes(memoryview(data)[sent:]))

    def _keep(self, rest: bytes) -> None:
        """Hold what the sink has no room for, and read no more until that is gone."""
        common = self._stream.common
        common.held += len(rest)
        self._pending = rest
        self._reader.stop()
        if common.held > common.most_held:
            raise ConnectionAbortedError("too much lies here for people who do not read")
        if self._writer is None:
            self._writer = get_hub().loop.io(self._sink.fileno(), WRITE)
        self._writer.start(self._writable)

    def _writable(self) -> None:
        stream = self._stream
        try:
            try:
                # There may be nothing but the end to tell, for which there was no room.
                sent = self._sink.send(self._pending) if self._pending else 0
            except NO_ROOM:
                return
            stream.active = True
            stream.common.row[self._cell] += sent
            stream.common.held -= sent
            self._pending = memoryview(self._pending)[sent:]
            if self._pending:
                return
            self._pending = b""
            self._writer.close()
            self._writer = None
            if self.ended:
                stream.ended(self)
            else:
                self._reader.start(self._readable)
        except (OSError, MemoryError):
            stream.fail()
        except Exception:
            log.exception("A stream was closed by a mistake in porchlight.")
            stream.close()

    def end(self) -> None:
        """The source has sent its last byte."""
        self.ended = True
        self._reader.stop()
        if not self._pending:
            self._stream.ended(self)

    @property
    def holds(self) -> bool:
        """Whether the sink has still to take something."""
        return bool(self._pending)

    @property
    def done(self) -> bool:
        """Whether everything has been passed on, the end included."""
        return self.ended and self._writer is None

    def stop(self) -> None:
        """Give the loop's watchers back, before the sockets are closed."""
        self._reader.close()
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
        self._stream.common.held -= len(self._pending)
        self._pending = b""
        # Stream and flows know each other: cut here, so that they go at once and not when the collector comes.
        del self._stream


class DecryptingFlow(Flow):
    """From a person to the upstream, out of TLS."""

    __slots__ = ()

    _source: Secured

    def _pass_large(self) -> None:
        # One record at a time is all that OpenSSL gives; one send for several is what the kernel likes.
        read = self._source.recv
        try:
            total = count = read(READ_SIZE, _buffer)
            while count == READ_SIZE and total < BUFFER_SIZE:
                try:
                    count = read(READ_SIZE, _rest_from[total])
                except NOTHING_YET:
                    break
                except ssl.SSLZeroReturnError:
                    # The end, as in `_readable`; what came before it must not be lost.
                    count = 0
                total += count
        except NOTHING_YET:
            self._large = False
            return
        self._large = total > READ_SIZE
        self._stream.active = True
        if total:
            self._deliver(_view[:total])
        if not count:
            self.end()


class EncryptingFlow(Flow):
    """From the upstream to a person, into TLS."""

    __slots__ = ()

    _sink: Secured

    def _pass_large(self) -> None:
        self._copy_large()

    def finish(self, *, last: bool) -> bool:
        """Tell the person in TLS, and then as any other sink."""
        if not tls.has_room(self._sink):
            # Without the end in TLS a slow reader's last page would look cut off.
            self._writer = get_hub().loop.io(self._sink.fileno(), WRITE)
            self._writer.start(self._writable)
            return False
        tls.say_end(self._sink, listening=not self._stream.from_person.ended)
        if not last:
            self._sink.wire.shutdown(socket.SHUT_WR)
        return True


# The kinds of the two directions, from people and to people: without TLS, and with it.
Common.kinds = ((Flow, Flow), (DecryptingFlow, EncryptingFlow))


class Stream:
    """One relayed stream.

    Args:
        person: the client's socket, non-blocking; one with TLS has shaken hands, and speaks plainly with the upstream.
        upstream: the upstream's socket, connected and non-blocking.
        readers: the loop's watchers for reading these two.
        common: what all streams of this worker share.
        cells: the counters of the two directions: from people, to people.
    """

    __slots__ = ("_over", "_person", "_upstream", "active", "common", "from_person", "quiet", "to_person")

    def __init__(
        self,
        person: Person,
        upstream: _socket.socket,
        readers: tuple[Any, Any],
        common: Common,
        cells: tuple[int, int],
    ) -> None:
        self._person = person
        self._upstream = upstream
        self.common = common
        self._over = False
        self.active = True
        self.quiet = 0
        kinds = common.kinds[isinstance(person, Secured)]
        self.from_person = kinds[0](self, person, upstream, cells[0], readers[0])
        self.to_person = kinds[1](self, upstream, person, cells[1], readers[1])

    def start(self, first: bytes) -> None:
        """Begin to relay; ``first`` is what the upstream gets before anything else."""
        try:
            self.to_person.start(b"")
            self.from_person.start(first)
        except (OSError, MemoryError):
            self.fail()

    def ended(self, flow: Flow) -> None:
        """One direction is over and passed on whole; the stream is over, when both are."""
        last = self.from_person.done and self.to_person.done
        if flow.finish(last=last) and last:
            self.close()

    def fail(self) -> None:
        """End the stream because one side broke off: the upstream must not take it for a whole one."""
        if self._over:
            return
        with suppress(OSError):
            self._upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close()

    def close(self) -> None:
        """End the stream at once; harmless when it has ended already."""
        if self._over:
            return
        self._over = True
        self._take_leave()
        self.from_person.stop()
        self.to_person.stop()
        self._person.close()
        self._upstream.close()
        self.common.closed(self)

    def _take_leave(self) -> None:
        """A person who is still connected gets an orderly end, as far as that is possible without waiting."""
        person = self._person
        if isinstance(person, Secured) and not self.to_person.ended and not self.to_person.holds:
            tls.say_end(person, listening=False)
        # With something unread the kernel would send RST, which can destroy what the person has not read yet.
        if not self.from_person.ended:
            with suppress(OSError):
                wire_of(person).recv_into(_buffer)
