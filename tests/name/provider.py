"""A dynamic-DNS provider on loopback that speaks dyndns2, and the page that says the outer address beside it."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Provider(ThreadingHTTPServer):
    """Answers as it is told, and remembers what it was asked.

    Attributes:
        answer: status and text of the answer to an update; None for a server that hangs.
        address: what the page says that tells one's address.
        updates: the address of each update.
        credentials: user name and password of each update.
        paths: every request's path.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, str] | None = (200, "good 80.100.100.1")
        self.address = "80.100.100.1"
        self.updates: list[str] = []
        self.credentials: list[str] = []
        self.paths: list[str] = []
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        provider = self.server
        provider.paths.append(self.path)
        if self.path.startswith("/ip"):
            return self._say(200, provider.address)
        provider.updates.append(parse_qs(urlsplit(self.path).query).get("myip", [""])[0])
        scheme, _, word = self.headers.get("Authorization", "").partition(" ")
        provider.credentials.append(base64.b64decode(word).decode() if scheme == "Basic" else "")
        if provider.answer is None:
            provider.closing.wait()
            return None
        return self._say(*provider.answer)

    def _say(self, status: int, words: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(words.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def serving() -> Iterator[Provider]:
    """A provider that runs."""
    provider = Provider()
    thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        provider.closing.set()
        provider.shutdown()
        thread.join()
        provider.server_close()
