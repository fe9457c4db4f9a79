"""gevent's WSGI server, hardened: pywsgi has no read time-out, no bound on what it holds, and logs addresses.

One request a connection: browsers open few, and a kept-alive connection would be one more thing to bound.
"""

import errno
import logging
import socket
from collections.abc import Callable
from io import BytesIO
from typing import Any

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer

from appliance.clock import since_boot
from appliance.page.crowd import Crowd, Visit, peer_of

log = logging.getLogger("porchlight.page")

# Seconds from the connection to the last byte of the answer; a login on a slow board takes about one.
REQUEST_TAKES = 15.0
# What an application finds under this name in its environment: called with seconds, it gives a request so many from now
# on. Only for somebody who is signed in.
MORE_TIME = "porchlight.more_time"
# Bytes of all header lines together; our own cookie and a browser's headers take about two thousand.
LARGEST_HEAD = 16 * 1024
# Bytes of one request's body: the largest form is a password three times.
LARGEST_FORM = 16 * 1024
# Connections that the kernel holds until we look: a flood must not fill it before the crowd can turn over.
BACKLOG = 512
# What says that this device, or this process, has nothing left to accept a connection with.
NOTHING_LEFT = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
# Seconds between two lines of log about that, and until the next try when there is no visit to end.
TELL_EVERY = 1.0


class PageHandler(WSGIHandler):  # type: ignore[misc]
    """One request of one visitor."""

    rfile: Any
    _limit: gevent.Timeout

    def handle_one_request(self) -> Any:
        """Serve the request, or give up quietly when it takes too long."""
        self._limit = gevent.Timeout.start_new(REQUEST_TAKES)
        try:
            return super().handle_one_request()
        except gevent.Timeout as passed:
            if passed is not self._limit:
                raise
            return None
        finally:
            self._limit.close()

    def get_environ(self) -> Any:
        """The request, and how to have more time for it."""
        return super().get_environ() | {MORE_TIME: self._more_time}

    def _more_time(self, seconds: float) -> None:
        self._limit.close()
        self._limit = gevent.Timeout.start_new(seconds)

    def read_request(self, raw_requestline: str) -> bool:
        """Read the whole request before the application sees any of it, and make it the connection's only one.

        A visitor who stalls in the middle of a form then costs a greenlet, and no half-run page.
        """
        understood = bool(super().read_request(raw_requestline))
        self.close_connection = True
        waits = "expect" in self.headers
        if understood and self.content_length and self.content_length <= LARGEST_FORM and not waits:
            self.rfile = BytesIO(self.rfile.read(self.content_length))
        return understood

    def MessageClass(self, lines: Any, *rest: Any) -> Any:
        """Read the header lines, no more of them than ``LARGEST_HEAD``.

        Raises:
            ValueError: there are more, which pywsgi answers with 400.
        """
        head = b""
        while True:
            line = lines.readline(LARGEST_HEAD)
            head += line
            if len(head) > LARGEST_HEAD:
                raise ValueError("the head is too large")
            if line in (b"\r\n", b"\n", b""):
                return super().MessageClass(BytesIO(head), *rest)

    def finalize_headers(self) -> None:
        """Say that the connection ends here."""
        super().finalize_headers()
        if self.request_version != "HTTP/1.0":
            self.response_headers.append((b"Connection", b"close"))

    def handle_error(self, kind: Any, error: Any, trace: Any) -> None:
        """What the application did not catch: a time-out and a dropped visit pass, the rest is a defect."""
        if issubclass(kind, gevent.Timeout | gevent.GreenletExit):
            raise error
        log.error("The setup page failed at a request", exc_info=(kind, error, trace))
        self._send_error_response_if_possible(500)

    def _handle_client_error(self, error: Any) -> Any:
        # pywsgi would log the address. What a broken client sent helps nobody.
        return ("400", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    def log_request(self) -> None:
        """No access log: it would hold addresses."""


class PageServer(WSGIServer):  # type: ignore[misc]
    """One listening socket of the setup page.

    Args:
        listener: the socket, bound and listening.
        application: the WSGI application.
        crowd: the visits of all listening sockets together.
        is_inside: whether a peer's address belongs to the home network; others get no byte.
    """

    handler_class = PageHandler
    # Connections taken in one go. Few, so that those who had to leave for them are gone before the next ones come.
    max_accept = 8

    def __init__(
        self, listener: socket.socket, application: Any, crowd: Crowd, is_inside: Callable[[str], bool]
    ) -> None:
        # The name is given so that pywsgi does not ask the DNS for it.
        super().__init__(
            listener, application, log=None, error_log=log, environ={"SERVER_NAME": "porchlight", "SERVER_SOFTWARE": ""}
        )
        self._crowd = crowd
        self._is_inside = is_inside
        self._told = 0.0

    def do_read(self) -> Any:
        """Take one connection off the socket; without a descriptor for it the oldest visit makes room."""
        try:
            return super().do_read()
        except OSError as error:
            if error.errno not in NOTHING_LEFT:
                raise
            if since_boot() - self._told >= TELL_EVERY:
                self._told = since_boot()
                log.warning("The setup page has nothing left to take visitors with (%s).", error.strerror)
        oldest = next(iter(self._crowd.visits), None)
        if oldest:
            self._crowd.leave(oldest)
            oldest.greenlet.kill(block=False)
        else:
            self.stop_accepting()
            self._timer = self.loop.timer(TELL_EVERY)
            self._timer.start(self._start_accepting_if_started)
        return None

    def handle(self, sock: Any, address: Any) -> None:
        """Serve one connection; never raises, since gevent would print the address with the error."""
        if not self._is_inside(address[0]):
            return
        visit = Visit(peer_of(address[0]), gevent.getcurrent())
        leaving = self._crowd.enter(visit)
        if leaving:
            leaving.greenlet.kill(block=False)
        try:
            PageHandler(sock, address, self).handle()
        except Exception as error:
            # A peer that went away while we wrote; anything else would be a defect, and its type tells enough.
            if not isinstance(error, OSError):
                log.error("The setup page lost a visitor by a defect", exc_info=error)
        finally:
            self._crowd.leave(visit)

    def do_handle(self, *connection: Any) -> None:
        """Start a greenlet for one connection; never raises, for the same reason."""
        try:
            super().do_handle(*connection)
        except Exception as error:
            log.error("The setup page could not take a visitor (%s)", type(error).__name__)
