"""A page on its way to a browser: as fast as the browser takes it, without holding more than one portion of it."""

import logging
import socket
from collections.abc import Callable
from typing import Any

from gevent import get_hub

from appliance.relay import tls
from appliance.relay.stream import NO_ROOM, WRITE
from appliance.relay.tls import Person, Secured, wire_of

log = logging.getLogger(__name__)

# What is encrypted and sent in one turn of the loop, in bytes: streams come in between.
PORTION = 64 * 1024


class Delivery:
    """One answer.

    Args:
        person: the browser's socket, non-blocking; with TLS, it has shaken hands.
        head: what is sent first.
        body: what follows; all deliveries of a page share it.
        done: called when all of it has been sent and the sending side is closed.
        failed: called when the browser does not want it any more.
    """

    __slots__ = ("_body", "_done", "_failed", "_pending", "_person", "_watcher")

    def __init__(
        self,
        person: Person,
        head: bytes,
        body: bytes | memoryview,
        done: Callable[[], None],
        failed: Callable[[], None],
    ) -> None:
        self._person = person
        self._body = memoryview(body)
        self._done = done
        self._failed = failed
        self._pending: bytes | memoryview = b""
        self._fill(head)
        self._watcher: Any = get_hub().loop.io(person.fileno(), WRITE)

    def start(self) -> None:
        """Send the first portion.

        Raises:
            OSError: the browser has gone.
        """
        self._watcher.start(self._writable)
        self._send()

    def _fill(self, head: bytes = b"") -> None:
        """Make the next portion ready; none when all has been sent."""
        self._pending = head + bytes(self._body[:PORTION])
        self._body = self._body[PORTION:]

    def _send(self) -> None:
        try:
            sent = self._person.send(self._pending)
        except NO_ROOM:
            return
        self._pending = memoryview(self._pending)[sent:]
        if self._pending:
            return
        self._pending = b""
        self._fill()
        if not self._pending:
            self.stop()
            if isinstance(self._person, Secured):
                tls.say_end(self._person, listening=True)
            wire_of(self._person).shutdown(socket.SHUT_WR)
            self._done()

    def _writable(self) -> None:
        try:
            self._send()
        except OSError:
            self._failed()
        except Exception:
            log.exception("A page was not delivered by a mistake in porchlight.")
            self._failed()

    def stop(self) -> None:
        """Give the loop's watcher back; harmless when it is over already."""
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None
