"""Connecting to an upstream, one address after the other, by callbacks."""

import _socket
import errno
import socket
from collections.abc import Callable
from typing import Any

from appliance.clock import since_boot
from appliance.relay.connection import open_connection
from appliance.relay.stream import WRITE
from appliance.relay.upstream import NEVER, Endpoint

# All tries together, in seconds: an upstream that swallows everything must not keep a person waiting longer, and one
# that refuses looks the same.
DIAL_LIMIT = 4.5


class Dial:
    """One attempt to reach a group of upstreams.

    Args:
        watch: makes a watcher of a descriptor, as gevent's ``loop.io``.
        endpoints: where to try, best first.
        connected: called with the connected socket and its watcher, which is stopped, to be used again.
        failed: called with the reason (``unresolved``, ``refused``, ``timeout``) when no address is left.
    """

    __slots__ = (
        "_connected",
        "_endpoints",
        "_failed",
        "_limit",
        "_reason",
        "_socket",
        "_watch",
        "_watcher",
        "begun",
        "deadline",
    )

    def __init__(
        self,
        watch: Callable[[int, int], Any],
        endpoints: list[Endpoint],
        connected: Callable[[_socket.socket, Any], None],
        failed: Callable[[str], None],
    ) -> None:
        self._watch = watch
        self._endpoints = endpoints[::-1]
        self._connected = connected
        self._failed = failed
        self._reason = "unresolved"
        self._socket: _socket.socket | None = None
        self._watcher: Any = None
        self.begun = since_boot()
        self._limit = self.begun + DIAL_LIMIT
        self.deadline = self._limit

    def next(self) -> None:
        """Try the next address."""
        while self._endpoints:
            endpoint = self._endpoints.pop()
            if self._endpoints:
                # What time is left is shared among the addresses that are left.
                now = since_boot()
                self.deadline = now + (self._limit - now) / (len(self._endpoints) + 1)
            else:
                self.deadline = self._limit
            try:
                attempt = open_connection(endpoint.family)
            except OSError:
                # No descriptor is left, or this device has no IPv6.
                self._reason = "refused"
                continue
            self._socket = attempt
            attempt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            result = attempt.connect_ex(endpoint.address)
            if result == errno.EINPROGRESS:
                self._watcher = self._watch(attempt.fileno(), WRITE)
                self._watcher.start(self._ready, endpoint)
                return
            if result == 0:
                self._done(attempt)
                return
            self._reject(endpoint, "refused")
        self._failed(self._reason)

    def _ready(self, endpoint: Endpoint) -> None:
        attempt = self._socket
        if attempt is None:
            return
        if attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._reject(endpoint, "refused")
            self.next()
        else:
            endpoint.failed = NEVER
            self._done(attempt)

    def _done(self, attempt: _socket.socket) -> None:
        watcher = self._watcher
        if watcher is None:
            watcher = self._watch(attempt.fileno(), WRITE)
        else:
            watcher.stop()
        self._socket = self._watcher = None
        self._connected(attempt, watcher)

    def _reject(self, endpoint: Endpoint, reason: str) -> None:
        endpoint.failed = since_boot()
        self._reason = reason
        self.stop()

    def expire(self) -> None:
        """The address that is being tried has had its time."""
        if self._watcher is not None:
            self._watcher.args[0].failed = since_boot()
        self._reason = "timeout"
        self.stop()
        self.next()

    def stop(self) -> None:
        """Give up what is under way."""
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
