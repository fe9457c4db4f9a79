"""Moving bytes from one socket to another without copying them: splice(2), through one pipe for the whole process.

A splice needs a pipe between the two sockets. Relays usually keep one for each stream; here a stream puts bytes into
the pipe and takes all of them out again before anybody else's turn, so that one is enough and an idle stream costs
nothing. What the receiving socket has no room for is read out of the pipe into ordinary memory.
"""

import fcntl
import logging
import mmap
import os
import socket
from contextlib import suppress

log = logging.getLogger(__name__)

# Bytes that are moved at once: as much as a slow reader can make us hold, and little enough for others' turns.
MOST = 128 * 1024
# Room in the pipe, in bytes of its pages. A page that came in by the network is seldom full (about 1,400 of 4,096
# bytes), so that MOST bytes need several times as much.
CAPACITY = 512 * 1024
_FLAGS = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE


class Pipe:
    """The pipe of one process.

    Raises:
        OSError: no descriptor is left.
    """

    __slots__ = ("_in", "_out", "_rest")

    def __init__(self) -> None:
        # Made beforehand: where there is no memory, what is in the pipe must not stay for the next stream to find.
        self._rest = memoryview(mmap.mmap(-1, MOST, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        # A kernel that grants less (fs.pipe-max-size, fs.pipe-user-pages-soft) only makes the steps smaller.
        with suppress(OSError):
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, CAPACITY)

    def move(self, source: int, sink: int) -> tuple[int, bytes]:
        """Move what there is, at most ``MOST`` bytes. Nothing is left in the pipe, whatever happens.

        Args:
            source: descriptor of the socket to read, non-blocking.
            sink: descriptor of the socket to write, non-blocking.

        Returns:
            How many bytes were taken from the source (0 at its end), and the last ones of them, which the sink had
            no room for.

        Raises:
            BlockingIOError: there is nothing to read.
            OSError: one of the two connections is broken; what was under way between them is lost with it.
        """
        count = os.splice(source, self._in, MOST, flags=_FLAGS)
        if not count:
            return 0, b""
        sent = 0
        try:
            sent = os.splice(self._out, sink, count, flags=_FLAGS)
        except BlockingIOError:
            pass
        except OSError:
            self._empty()
            raise
        return count, self._empty() if sent < count else b""

    def _empty(self) -> bytes:
        """Take everything out of the pipe."""
        taken = 0
        with suppress(BlockingIOError):
            while taken < MOST:
                taken += os.readv(self._out, [self._rest[taken:]])
        return bytes(self._rest[:taken])

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._in)
        os.close(self._out)


def open_pipe() -> Pipe | None:
    """A pipe for this process, which has been tried out; None, and a line in the log, where the kernel cannot splice.

    Raises:
        OSError: no descriptor is left.
    """
    pipe = Pipe()
    ends: list[socket.socket] = []
    try:
        ends += (source := _connected_pair())
        ends += (sink := _connected_pair())
        source[0].send(b"?")
        if pipe.move(source[1].fileno(), sink[0].fileno()) == (1, b"") and sink[1].recv(2) == b"?":
            return pipe
        reason = "it moved something else"
    except OSError as error:
        reason = os.strerror(error.errno or 0)
    finally:
        for one in ends:
            one.close()
    pipe.close()
    log.warning("This kernel cannot splice sockets (%s): media are copied, which costs more processor time.", reason)
    return None


def _connected_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection: the kind of socket that will be spliced."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        far, _ = listening.accept()
    return near, far
