"""What a prober sends, and what there is to see of the answer: nothing that depends on key, date or time."""

import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.cover import inside
from tests.cover.asked import ASTRAY, HOST, PLAIN
from tests.relay.running import PATIENCE

ALERT, SERVER_HELLO = 0x15, 0x02
KNOWN_NAME = "example.org"
ASKING = b"GET / HTTP/1.0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Server:
    """Where to probe, by its ports.

    Args:
        plain: port 80.
        tls: port 443.
        media: port 587; nginx has none, and its 443 stands for it.
        beside_nginx: whether what comes is compared with another program's, whose time limits are others.
    """

    plain: int
    tls: int
    media: int
    beside_nginx: bool

    @property
    def patience(self) -> float:
        """Seconds without a byte after which a connection counts as kept open."""
        return inside.OPEN_AFTER if self.beside_nginx else inside.NEVER_ENDS


Probe = Callable[[Server], object]


@dataclass(frozen=True, slots=True)
class Seen:
    """What came back on a connection, and how it ended, and when."""

    data: bytes
    end: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """What stands in a ServerHello of TLS 1.2, where nothing of it is encrypted (RFC 5246 section 7.4.1.3)."""

    version: int
    cipher: int
    compression: int
    extensions: tuple[int, ...] = field(default=())


def is_greeting(data: bytes) -> bool:
    """Whether the first record is a handshake's, and whole."""
    return data[:1] == b"\x16" and len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5])


def exchange(port: int, sent: bytes, patience: float, *, greeting_is_enough: bool = False) -> Seen:
    """Send something and read until the end, or until nothing more comes."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.sendall(sent)
        wire.settimeout(patience)
        data, end = b"", "end"
        try:
            while part := wire.recv(1 << 16):
                data += part
                if greeting_is_enough and is_greeting(data):
                    return Seen(data, "open")
        except TimeoutError:
            return Seen(data, "open")
        except ConnectionResetError:
            end = "reset"
        return Seen(data, end + inside.late(time.monotonic() - begun))


def context(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A client that takes any certificate, of one version or of all."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    found.check_hostname = False
    found.verify_mode = ssl.CERT_NONE
    if version is not None:
        found.minimum_version = found.maximum_version = version
    return found


def hello(made_by: ssl.SSLContext, name: str | None = None) -> bytes:
    """A ClientHello."""
    out = ssl.MemoryBIO()
    try:
        made_by.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()
    raise AssertionError("a handshake that needs no answer")


def greeting(port: int, made_by: ssl.SSLContext, name: str | None = None) -> Greeting | Seen:
    """What the server chooses in TLS 1.2; what came instead, when it is no ServerHello."""
    return greeting_after(port, hello(made_by, name))


def greeting_after(port: int, sent: bytes) -> Greeting | Seen:
    """The same, after any first message."""
    seen = exchange(port, sent, inside.OPEN_AFTER, greeting_is_enough=True)
    data = seen.data
    if len(data) < 44 or data[0] != 0x16 or data[5] != SERVER_HELLO:
        return refusal(seen)
    version = int.from_bytes(data[9:11])
    at = 43 + 1 + data[43]
    cipher, compression = int.from_bytes(data[at : at + 2]), data[at + 2]
    end = 9 + int.from_bytes(data[6:9])
    at += 5
    found = []
    while at < end:
        found.append(int.from_bytes(data[at : at + 2]))
        at += 4 + int.from_bytes(data[at + 2 : at + 4])
    return Greeting(version, cipher, compression, tuple(found))


def refusal(seen: Seen) -> Seen:
    """The alert in it, without anything that differs from one handshake to the next."""
    return Seen(seen.data[:7] if seen.data[:1] == bytes([ALERT]) else seen.data, seen.end)


def in_small_records(message: bytes, size: int = 40) -> bytes:
    """A handshake message of one record, in many (RFC 8446 section 5.1)."""
    content = message[5:]
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    return b"".join(message[:3] + len(part).to_bytes(2) + part for part in parts)


def beyond_ascii(message: bytes) -> bytes:
    """A ClientHello that asks for ``KNOWN_NAME`` with another name, which is not ASCII and as long."""
    assert KNOWN_NAME.encode() in message
    return message.replace(KNOWN_NAME.encode(), "b\u00fcche.org".encode().rjust(len(KNOWN_NAME), b"x"))


def chosen_cipher(server: Server, version: ssl.TLSVersion) -> list[str]:
    """Which ciphers are taken, each offered alone, of all that this machine's OpenSSL knows."""
    every = context(version)
    every.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    taken = []
    for one in every.get_ciphers():
        if one["protocol"] == "TLSv1.3":
            continue
        alone = context(version)
        alone.set_ciphers(f"{one['name']}:@SECLEVEL=0")
        try:
            seen = greeting(server.tls, alone)
        except ssl.SSLError:
            # It needs a shared secret before there is any greeting.
            continue
        if isinstance(seen, Greeting):
            taken.append(str(one["name"]))
    return taken


def preference(server: Server) -> list[int]:
    """What is chosen when two ciphers are offered in either order: the client's first, or always the same."""
    found = []
    pair = ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"]
    for order in (pair, pair[::-1]):
        client = context(ssl.TLSVersion.TLSv1_2)
        client.set_ciphers(":".join(order))
        seen = greeting(server.tls, client)
        assert isinstance(seen, Greeting)
        found.append(seen.cipher)
    return found


def alpn(server: Server, *offered: str) -> str | None:
    """What the server says about the protocol inside; what ended it otherwise."""
    client = context()
    client.set_alpn_protocols(list(offered))
    with socket.create_connection(("127.0.0.1", server.tls), timeout=PATIENCE) as wire:
        try:
            with client.wrap_socket(wire) as secured:
                return secured.selected_alpn_protocol()
        except ssl.SSLError as error:
            # An alert that OpenSSL has no name for is no answer, as None would say.
            return f"ended: {error}"


def openssl(server: Server, *options: str) -> str:
    """What ``openssl s_client`` tells of a connection on which a page is asked for."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls}", "-ign_eof", *options],
        input=ASKING,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    return (done.stdout + done.stderr).decode("latin-1")


def greeted(server: Server, *options: str) -> str:
    """The same, of a handshake that succeeds: two that fail alike would tell nothing."""
    told = openssl(server, *options)
    assert "Cipher is TLS_" in told, told[-1000:]
    return told


def tickets(server: Server) -> int:
    """How many tickets come after a handshake of TLS 1.3."""
    return greeted(server, "-tls1_3").count("Post-Handshake New Session Ticket arrived")


def ticket_life(server: Server) -> set[str]:
    """How long a ticket is good for, in seconds."""
    return set(re.findall(r"ticket lifetime hint: (\d+)", greeted(server, "-tls1_3")))


def extensions(server: Server) -> list[str]:
    """What stands in a ServerHello of TLS 1.3 and behind it, in order."""
    options = ("-tls1_3", "-tlsextdebug", "-servername", KNOWN_NAME, "-alpn", "http/1.1")
    return re.findall(r'TLS server extension "([^"]+)" \(id=\d+\), len=\d+', greeted(server, *options))


def early_data(server: Server) -> set[str]:
    """How many bytes may come before the handshake is over, on a resumed connection."""
    return set(re.findall(r"Max Early Data: (\d+)", greeted(server, "-tls1_3")))


def takes_group(server: Server, group: str) -> bool:
    """Whether a client that knows one group only gets through."""
    return bool(re.search(r"Cipher is TLS_", openssl(server, "-tls1_3", "-groups", group)))


def groups(server: Server) -> list[str]:
    """Which groups are taken when offered alone."""
    known = ("X25519", "P-256", "X448", "P-521", "P-384", "ffdhe2048", "X25519MLKEM768")
    taken = [one for one in known if takes_group(server, one)]
    assert taken, "not one handshake succeeds"
    return taken


def page(server: Server, request: str, port: int = 0) -> Seen:
    """An HTTP answer without its date."""
    seen = exchange(port or server.plain, request.replace("\n", "\r\n").encode("latin-1"), server.patience)
    return Seen(inside.undated(seen.data), seen.end)


def face(server: Server, port: int, request: str) -> Seen | bytes:
    """The same, beside nginx without what docs/cover.md has a row of its own for: kept connections."""
    seen = page(server, request, port)
    return inside.ending(seen.data) if server.beside_nginx else seen


def _asking(request: str) -> Probe:
    return lambda server: face(server, server.plain, request)


def _asking_astray(request: str) -> Probe:
    return lambda server: face(server, server.tls, request)


def _sending(sent: bytes) -> Probe:
    return lambda server: refusal(exchange(server.tls, sent, server.patience))


def _sending_plain(sent: bytes) -> Probe:
    return lambda server: exchange(server.plain, sent, server.patience)


def _sending_media(sent: bytes) -> Probe:
    return lambda server: exchange(server.media, sent, server.patience)


def _sending_inside(sent: bytes) -> Probe:
    return lambda server: inside.said(server.tls, context(), sent, server.patience)


def without_tickets(made: ssl.SSLContext) -> ssl.SSLContext:
    """A client that takes no ticket, so that the server has to remember by itself."""
    made.options |= ssl.OP_NO_TICKET
    return made


def names(server: Server) -> list[bytes]:
    """What the server calls itself: with a page, with an error, and to HTTP where TLS is due."""
    asked = ((server.plain, "GET / HTTP/1.0\n\n"), (server.plain, "GET /nowhere HTTP/1.0\n\n"), (server.tls, "x\n"))
    answers = [page(server, request, port).data for port, request in asked]
    found = [one for answer in answers for one in re.findall(rb"\r\nServer: ([^\r]*)|<hr><center>([^<]*)<", answer)]
    assert len(found) >= len(answers), found
    return [b"".join(one) for one in found]


V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
# TLS 1.0, as a browser of 2005 would say it: one cipher, no extensions.
OLD_HELLO = b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x01" + b"r" * 32 + b"\x00\x00\x02\x00\x2f\x01\x00"
# TLS 1.3 from a client that knows P-256 and P-384, but comes with a key of a group that nobody knows: it has to be
# asked again. Versions, groups, signatures, and the key (RFC 8446 sections 4.2.1, 4.2.7, 4.2.3, 4.2.8).
_EXTENSIONS = "002b0003020304 000a000800062a2a00170018 000d00080006040308040401 0033002600242a2a0020" + "55" * 32
_BODY = "0303" + "72" * 32 + "20" + "73" * 32 + "0006130113021303" + "0100" + "0049" + _EXTENSIONS
SHARELESS_HELLO = bytes.fromhex("160301009c 01000098" + _BODY)
NOTHING = bytes(range(128, 192))
# Greetings that are none: a record of a version that there is not, one longer than there can be (RFC 8446 section 5.1),
# and a ClientHello without content.
BAD_VERSION = b"\x16\x09\x09\x00\x05\x01\x00\x00\x01\x00"
BAD_LENGTH = b"\x16\x03\x01\xff\xff" + b"\x01" * 64
EMPTY_HELLO = b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"
# What an app begins with, as somebody has recorded it.
CHAT = b"WA\x06\x03\x00\x00\x24\x12\x22\x0a\x20" + b"k" * 32
# And where it has been before: what may stand before that.
ROUTING = b"ED\x00\x01\x00\x00\x10" + b"r" * 16
# By the names in docs/cover.md's table.
PROBES: dict[str, Probe] = {
    "hello-without-name": lambda server: greeting(server.tls, context(V12)),
    "hello-with-unknown-name": lambda server: greeting(server.tls, context(V12), KNOWN_NAME),
    "name-beyond-ascii": lambda server: greeting_after(server.tls, beyond_ascii(hello(context(V12), KNOWN_NAME))),
    "hello-in-small-records": lambda server: greeting_after(server.tls, in_small_records(hello(context(V12)))),
    "hello-retry": lambda server: exchange(server.tls, SHARELESS_HELLO, server.patience),
    "extensions": extensions,
    "ciphers": lambda server: chosen_cipher(server, V12),
    "preference": preference,
    "groups": groups,
    "tickets": tickets,
    "ticket-life": ticket_life,
    "early-data": early_data,
    "resumed": lambda server: [inside.resumed(server.tls, context(one)) for one in (V12, V13)],
    "resumed-by-id": lambda server: inside.resumed(server.tls, without_tickets(context(V12))),
    "renegotiation": lambda server: inside.renegotiation(server.tls),
    "damaged-record": lambda server: [
        inside.damaged_record(server.tls, context(one), server.patience) for one in (V12, V13)
    ],
    "page-in-tls": lambda server: inside.page(server.tls, context(), server.patience),
    "random-bytes-in-tls": _sending_inside(NOTHING),
    "alpn-http": lambda server: alpn(server, "h2", "http/1.1"),
    "alpn-foreign": lambda server: alpn(server, "imap"),
    "stapling": lambda server: "OCSP response: no response sent" in greeted(server, "-status"),
    "old-version": _sending(OLD_HELLO),
    "bad-record-version": _sending(BAD_VERSION),
    "bad-record-length": _sending(BAD_LENGTH),
    "empty-hello": _sending(EMPTY_HELLO),
    "hello-cut-off": lambda server: exchange(server.tls, hello(context())[:50], server.patience),
    "ssl-2": _sending(b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + b"\x01\x00\x80" * 7 + b"r" * 16),
    "half-a-request-on-443": lambda server: exchange(server.tls, b"GET / HTT", server.patience),
    "empty-lines-on-443": lambda server: exchange(server.tls, b"\r\n\r\n", server.patience),
    "empty-lines": _sending_plain(b"\r\n\r\n"),
    "mistake-in-half-a-header": _sending_plain(b"GET / HTTP/1.1\r\nHost: a..b\r\nX: y\r\n"),
    "name-of-server": names,
    "kept-alive": lambda server: page(server, f"GET / HTTP/1.1\nHost: {HOST}\n\n").end,
    "random-bytes": _sending_plain(NOTHING),
    "request-cut-off": _sending_plain(b"GET / HTT"),
    "silence": _sending_plain(b""),
    "half-a-word": _sending_plain(b"W"),
    "chat-cut-off": _sending_plain(CHAT[:3]),
    "routing-cut-off": _sending_plain(ROUTING[:-1]),
    "chat-cut-off-in-tls": _sending_inside(CHAT[:3]),
    "chat-replayed": _sending_plain(CHAT),
    "chat-in-tls": _sending_inside(CHAT),
    "hello-on-587": lambda server: exchange(server.media, hello(context(V12), KNOWN_NAME), server.patience),
    "hello-cut-off-on-587": lambda server: exchange(server.media, hello(context(V12))[:50], server.patience),
    "bad-record-version-on-587": _sending_media(BAD_VERSION),
    "bad-record-length-on-587": _sending_media(BAD_LENGTH),
    "empty-hello-on-587": _sending_media(EMPTY_HELLO),
    "random-bytes-on-587": _sending_media(NOTHING),
    "http-on-587": _sending_media(ASKING),
    "silence-on-587": _sending_media(b""),
    **{name: _asking(request) for name, request in PLAIN.items()},
    **{name: _asking_astray(request) for name, request in ASTRAY.items()},
}
