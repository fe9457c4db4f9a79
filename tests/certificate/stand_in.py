"""STAND-IN for the relay's port 80: answers the authority's question from the folder ``challenge/``, and nothing else.

tests/certificate/test_with_relay.py does the same with the real relay.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

WHERE = "/.well-known/acme-challenge/"


@contextmanager
def port_80(challenge: Path) -> Iterator[ThreadingHTTPServer]:
    """A server for tokens; its port is ``server_address[1]``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                answer = (challenge / self.path.removeprefix(WHERE)).read_bytes()
            except OSError:
                self.send_error(404)
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
