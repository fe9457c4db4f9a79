"""Accepting connections, and refusing at once what is past a limit."""

import _socket
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from gevent import get_hub

from appliance.relay.connection import accept, are_waiting
from appliance.relay.ports import Port
from appliance.relay.stream import READ, RESET_ON_CLOSE
from appliance.relay.upstream import OUT_OF_DESCRIPTORS

# Accepted in one turn of the loop, so that a flood of newcomers cannot starve the streams.
ACCEPT_AT_ONCE = 16

# When the kernel asks a silent person's device whether it is there, tcp(7): after so many seconds, then so often, and
# so many times. An app speaks every 20 to 30 s, so that only those are asked who are gone; they are given up after two
# minutes, instead of the kernel's own two hours.
KEEPALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 20), (socket.TCP_KEEPCNT, 3))

Admit = Callable[[_socket.socket, Port, tuple[str, int]], bool]
Count = Callable[[Port, str, str], None]


class Listener:
    """One listening socket of one worker.

    Args:
        listening: the socket, bound and listening, non-blocking.
        port: what it carries.
        admit: takes a fresh connection, or says False when it is to be refused.
        count: adds one to a counter, by port, name and reason.
    """

    _at_once = ACCEPT_AT_ONCE
    # Kept open so that a connection can still be accepted, and refused, when no descriptor is left.
    _spare = -1

    def __init__(self, listening: socket.socket, port: Port, admit: Admit, count: Count) -> None:
        self._admit = admit
        self._count = count
        self._socket = listening
        self._family = int(listening.family)
        self._port = port
        if Listener._spare < 0:
            Listener._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        # What is accepted inherits all of them, which saves five system calls a connection.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            listening.setsockopt(socket.IPPROTO_TCP, option, value)
        self._watcher: Any = get_hub().loop.io(listening.fileno(), READ)
        self._watcher.start(self._accept)

    def _accept(self) -> None:
        for _ in range(self._at_once):
            try:
                person, peer = accept(self._socket, self._family)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in OUT_OF_DESCRIPTORS:
                    self._refuse_with_spare()
                return
            except MemoryError:
                self._count(self._port, "refused", "memory")
                return
            try:
                if not self._admit(person, self._port, peer):
                    person.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                    person.close()
            except OSError:
                # The peer has gone again already.
                person.close()
            except MemoryError:
                person.close()
                self._count(self._port, "refused", "memory")
            if not are_waiting(self._socket):
                return

    def _refuse_with_spare(self) -> None:
        """Reset one connection, for which a descriptor is given away for a moment. The parent tells of it."""
        if Listener._spare >= 0:
            os.close(Listener._spare)
            Listener._spare = -1
        try:
            person, _ = self._socket.accept()
            person.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            person.close()
        except OSError:
            pass
        # Another thread's lookup may have taken the descriptor in between; then the next turn tries again.
        with suppress(OSError):
            Listener._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._count(self._port, "refused", "descriptors")

    def pause(self) -> None:
        """Accept nobody for now."""
        self._watcher.stop()

    def resume(self) -> None:
        """Accept again."""
        if not self._watcher.active:
            self._watcher.start(self._accept)

    def close(self) -> None:
        """Accept no more; the socket itself goes on in the parent."""
        self._watcher.stop()
        self._watcher.close()
        self._socket.close()


class StandIn(Listener):
    """A socket of another worker, for as long as that one does not accept: not yet, not any more, or since its death.

    Args:
        listening, port, admit, count: as for ``Listener``.
        others: whether the socket's own worker accepts.
    """

    # A worker has several of these.
    _at_once = ACCEPT_AT_ONCE // 4

    def __init__(
        self, listening: socket.socket, port: Port, admit: Admit, count: Count, others: Callable[[], bool]
    ) -> None:
        self._others = others
        super().__init__(listening, port, admit, count)

    def _accept(self) -> None:
        if self._others():
            self.pause()
        else:
            super()._accept()

    def look(self) -> None:
        """Accept again if nobody else does any more."""
        if not self._others():
            self.resume()
