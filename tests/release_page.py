"""A page that offers releases: it shows a folder, parts of files too, and sends on to addresses that may expire."""

import datetime
import http.server
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
# As a store of files signs its addresses; who follows a redirect must hand on every sign as it is.
SIGNED = "?se=2030-01-01T00%3A00%3A00Z&sig=a%2Bb%2F%3D&rscd=attachment%3B+filename%3Dx~(1)"
# What stands in an address that expires, before the second of the page's clock.
UNTIL = "until"
# Bytes at a time; the emulated network is slow, and others want to be served meanwhile.
PIECE = 65536


@dataclass
class Shown:
    """What a page shows, and what it was asked for.

    Args:
        folder: its files.
        moved: where else a path leads to: the status of the answer, and the address.
        parts: whether it knows parts of files.
        claimed: bytes that the body of a redirect is said to have; none ever comes.
        lasts: seconds that an address is good for to which it sends; None: for ever.
        clock: by which they are counted.
        tag: the entity tag of all files.
        breaks: after how many bytes the next answers break off; None: not at all.
        asked: the files that were asked for by name, each as often as it was.
        sent_on: the paths that were asked for and lead elsewhere, as often.
        expired: how often somebody asked at an address that is not good any more.
        sent: bytes of files; whoever has got them finds them counted.
        lines: what was asked for, word for word.
    """

    folder: Path
    moved: dict[str, tuple[int, str]] = field(default_factory=dict)
    parts: bool = True
    claimed: int = 0
    lasts: float | None = None
    clock: Callable[[], float] = time.monotonic
    tag: str = ""
    breaks: list[int | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sent_on: list[str] = field(default_factory=list)
    expired: int = 0
    sent: int = 0
    lines: list[str] = field(default_factory=list)


def handler(shown: Shown) -> type[http.server.BaseHTTPRequestHandler]:
    """What answers for the page."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """RFC 9110, sections 14 (one range) and 15.4."""

        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            shown.lines.append(self.requestline)
            # What comes after the path may be a signature, which is nobody's business.
            asked = urlsplit(self.path).path
            until = parse_qs(urlsplit(self.path).query).get(UNTIL)
            if until and float(until[0]) < shown.clock():
                shown.expired += 1
                self.send_error(403)
                return
            if asked in shown.moved:
                self._send_on(asked)
                return
            path = shown.folder / asked.strip("/")
            shown.asked.append(path.name)
            if not path.resolve().is_relative_to(shown.folder.resolve()) or not path.is_file():
                self.send_error(404)
                return
            size = path.stat().st_size
            first, last = 0, size - 1
            part = RANGE.fullmatch(self.headers.get("Range", "")) if shown.parts else None
            if part:
                first, last = int(part[1]), min(int(part[2] or size), size - 1)
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
            else:
                self.send_response(200)
            if shown.parts:
                self.send_header("Accept-Ranges", "bytes")
            if shown.tag:
                self.send_header("ETag", shown.tag)
            left = last - first + 1
            self.send_header("Content-Length", str(left))
            self.end_headers()
            if body:
                cut = shown.breaks.pop(0) if shown.breaks else None
                if cut is not None and cut < left:
                    left, self.close_connection = cut, True
                with path.open("rb") as file:
                    file.seek(first)
                    while left:
                        piece = file.read(min(PIECE, left))
                        shown.sent += len(piece)
                        try:
                            self.wfile.write(piece)
                        except OSError:
                            # Whoever asked has gone.
                            shown.sent -= len(piece)
                            self.close_connection = True
                            return
                        left -= len(piece)

        def _send_on(self, asked: str) -> None:
            status, address = shown.moved[asked]
            shown.sent_on.append(asked)
            if shown.lasts is not None:
                address += f"{'&' if '?' in address else '?'}{UNTIL}={shown.clock() + shown.lasts}"
            self.send_response(status)
            self.send_header("Location", address)
            self.send_header("Content-Length", str(shown.claimed))
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Nothing."""

    return Handler


def certificate(address: str, name: str) -> tuple[bytes, bytes]:
    """A certificate for a numeric address, which vouches for itself, and its key; PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    # The emulated board's clock stands at the build's time.
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=36500))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), False)
    signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), True).sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return signed.public_bytes(serialization.Encoding.PEM), secret


def encrypting(pem: Path) -> ssl.SSLContext:
    """TLS with the certificate and the key in a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@contextmanager
def serving(shown: Shown, encrypted: ssl.SSLContext | None) -> Iterator[str]:
    """Show it on this machine: the address, without a slash at its end."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(shown)) as listening:
        if encrypted:
            listening.socket = encrypted.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True).start()
        yield f"{'https' if encrypted else 'http'}://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()


@contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server that says one thing to everybody."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    with listening.accept()[0] as one:
                        one.recv(4096)
                        one.sendall(answer)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        listening.shutdown(socket.SHUT_RDWR)
