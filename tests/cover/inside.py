"""What a prober sees who has a handshake behind him: resumed sessions, what is said inside, how it ends."""

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.relay.running import PATIENCE

ASKING = b"GET / HTTP/1.0\r\n\r\n"


# Where one kind of end becomes another, in seconds, and what those in between are called: by the relay's limits.
KINDS_OF_END = ((3.0, ""), (10.0, " after 4.5 s"), (30.0, " after 20 s"))
# Seconds without a byte after which a connection counts as kept open. Beside nginx less than either's time limit, which
# differ; between relays more.
OPEN_AFTER, NEVER_ENDS = KINDS_OF_END[0][0], KINDS_OF_END[-1][0]


def late(seconds: float) -> str:
    """How late an end came, as coarse as a busy machine needs it; nothing when it came at once."""
    return next((kind for limit, kind in KINDS_OF_END if seconds < limit), " never")


def undated(answer: bytes) -> bytes:
    """An HTTP answer without what differs from one second to the next."""
    return re.sub(rb"\r\nDate: [^\r]*", rb"\r\nDate", answer)


def ending(answer: bytes) -> bytes:
    """An HTTP answer without what docs/cover.md has a row of its own for: kept connections."""
    return re.sub(rb"\r\nConnection: [^\r]*", b"", answer)


@contextmanager
def _connected(port: int, client: ssl.SSLContext, session: ssl.SSLSession | None = None) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire,
        client.wrap_socket(wire, session=session, suppress_ragged_eofs=False) as secured,
    ):
        yield secured


def _end_of(secured: ssl.SSLSocket, patience: float) -> tuple[bytes, str]:
    """What comes until the end, and how and when it came: with a word in TLS, an alert, without one, or not at all."""
    begun = time.monotonic()
    secured.settimeout(patience)
    data = b""
    try:
        while part := secured.recv(1 << 16):
            data += part
        end = "close_notify"
    except TimeoutError:
        return data, "open"
    except ssl.SSLError as error:
        end = error.reason or type(error).__name__
    except ConnectionResetError:
        end = "reset"
    return data, end + late(time.monotonic() - begun)


def resumed(port: int, client: ssl.SSLContext) -> list[bool]:
    """Whether a second and a third connection go on with the session of the first."""
    session, found = None, []
    for _ in range(3):
        with _connected(port, client, session) as secured:
            found.append(bool(secured.session_reused))
            # Tickets of TLS 1.3 come behind the handshake: reading takes them.
            secured.sendall(ASKING)
            _end_of(secured, OPEN_AFTER)
            session = session or secured.session
    return found


def said(port: int, client: ssl.SSLContext, sent: bytes, patience: float) -> tuple[bytes, str]:
    """What comes back for something inside of TLS."""
    with _connected(port, client) as secured:
        secured.sendall(sent)
        return _end_of(secured, patience)


def page(port: int, client: ssl.SSLContext, patience: float) -> tuple[bytes, str]:
    """The page, and how the connection ends behind it."""
    asked = b"GET / HTTP/1.1\r\nHost: a_b\r\nConnection: close\r\n\r\n"
    answer, end = said(port, client, asked, patience)
    return ending(undated(answer)), end


def damaged_record(port: int, client: ssl.SSLContext, patience: float) -> str:
    """How a connection ends on which something comes that nobody has encrypted."""
    with _connected(port, client) as secured:
        with socket.socket(fileno=secured.fileno()) as wire:
            wire.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            wire.detach()
        return _end_of(secured, patience)[1]


def renegotiation(port: int) -> list[str]:
    """What is said to a client that wants to agree anew, which TLS 1.2 lets it ask for at any time."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        assert client.stdin
        assert client.stdout
        # Its word for that. The end of its input would end it too early.
        client.stdin.write(b"R\n")
        client.stdin.flush()
        told = client.stdout.read().decode("latin-1")
        client.wait(PATIENCE)
    assert "RENEGOTIATING" in told, told[-1000:]
    return re.findall(r":(?:ssl3_read_bytes|[^:]*):([^:]*renegotiation[^:]*):", told)
