"""Does it relay? A conversation through each of the demo's ports, compared byte for byte, and a look at the rest."""

import http.client
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing

from appliance.clock import since_boot
from appliance.demo.household import Ports
from appliance.demo.upstream import HOST
from appliance.paths import Paths
from appliance.status import lights
from appliance.status.state import State

# A chat begins with these bytes (any version does), and goes on with what only the two ends understand.
CHAT_BEGINS = b"WA\x06\x03"
# Media is TLS between the app and the media servers: the shortest ClientHello, as the demo's own answers to anything.
MEDIA_BEGINS = b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"
BYTES = 300_000
SECONDS = 10.0
# What the lights show when the demo works: nobody has claimed a new one.
WELL = (State.WAITING_TO_BE_CLAIMED, State.RELAYING, State.RELAYING_IN_USE)


def trials(ports: Ports, paths: Paths) -> Iterator[tuple[str, str]]:
    """Try everything, one after the other.

    Yields:
        What was tried, and what was wrong; empty when it worked.
    """
    yield "chat in TLS", _tried(lambda: _echo(ports.chat_tls, CHAT_BEGINS, tls=True))
    yield "chat", _tried(lambda: _echo(ports.chat, CHAT_BEGINS))
    yield "media", _tried(lambda: _echo(ports.media, MEDIA_BEGINS))
    yield "setup page", _tried(lambda: _page(ports.page))
    yield "lights", _tried(lambda: _lights(paths))


def _tried(trial: Callable[[], str]) -> str:
    try:
        return trial()
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"


def _echo(port: int, begins: bytes, *, tls: bool = False) -> str:
    sent = begins + os.urandom(BYTES)
    with closing(_connect(port, tls=tls)) as connection:
        # Sent in parts, each answered, since both ends of one connection are this one thread.
        for start in range(0, len(sent), 16_384):
            part = sent[start : start + 16_384]
            connection.sendall(part)
            if _receive(connection, len(part)) != part:
                return f"after {start} bytes something else came back than was sent"
    return ""


def _connect(port: int, *, tls: bool) -> socket.socket:
    plain = socket.create_connection((HOST, port), timeout=SECONDS)
    if not tls:
        return plain
    # As WhatsApp's app does: any certificate is good, the conversation inside is encrypted once more.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        return context.wrap_socket(plain)
    except OSError:
        plain.close()
        raise


def _receive(connection: socket.socket, length: int) -> bytes:
    received = b""
    while len(received) < length and (more := connection.recv(length - len(received))):
        received += more
    return received


def _page(port: int) -> str:
    with closing(http.client.HTTPConnection(HOST, port, timeout=SECONDS)) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
    return "" if answer.status < 400 else f"the page answers {answer.status} {answer.reason}"


def _lights(paths: Paths) -> str:
    """They are right within a few seconds: the relay must have reached its upstream first."""
    deadline = time.monotonic() + SECONDS
    shown = None
    while time.monotonic() < deadline:
        shown = lights.read(paths.lights_status, since_boot())
        if shown and shown.state in WELL and not shown.trouble:
            return ""
        time.sleep(0.1)
    return f"they show {shown.state}. {shown.trouble}" if shown else "they say nothing"
