"""What a client and an upstream see on the wire: every port, byte for byte."""

import asyncio
import hashlib
import os
import re
import socket
import ssl
import struct
import threading
import time
from contextlib import suppress

import pytest

from appliance.relay import cover
from appliance.relay.proxy_header import Ends, parse
from tests.relay.conftest import StartRelay
from tests.relay.running import (
    MEDIA_HELLO,
    PATIENCE,
    Relay,
    Upstream,
    keep,
    read_exactly,
    read_line,
    read_to_end,
    wait_for,
)

HELLO = b"WA\x06\x03"
ROUTED = b"ED\x00\x01\x00\x00\x04abcdWA\x06\x03"
MIB = 1 << 20


def any_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def tls_connect(port: int, data: bytes = b"") -> ssl.SSLSocket:
    connection = keep(any_certificate().wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)))
    if data:
        connection.sendall(data)
    return connection


def exchange(client: socket.socket, server: socket.socket, up: bytes, down: bytes) -> None:
    """Send both ways at once and insist on every byte."""
    senders = [threading.Thread(target=one.sendall, args=(data,)) for one, data in ((server, down), (client, up))]
    for sender in senders:
        sender.start()
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(read_exactly(server, len(up))))
    reader.start()
    assert hashlib.sha256(read_exactly(client, len(down))).digest() == hashlib.sha256(down).digest()
    for thread in (*senders, reader):
        thread.join()
    assert hashlib.sha256(received[0]).digest() == hashlib.sha256(up).digest()


@pytest.mark.parametrize("hello", [HELLO, ROUTED, b"WA\xff\xff"])
def test_plain_chat_is_relayed_after_a_v1_header(start_relay: StartRelay, upstream: Upstream, hello: bytes) -> None:
    relay = start_relay()
    client = relay.connect(relay.chat, hello)
    server = upstream.next()
    address, port = client.getsockname()
    assert read_line(server) == f"PROXY TCP4 {address} 127.0.0.1 {port} {relay.chat}\r\n".encode()
    assert read_exactly(server, len(hello)) == hello
    server.sendall(os.urandom(100))
    assert len(read_exactly(client, 100)) == 100
    up = os.urandom(2 * MIB)
    threading.Thread(target=client.sendall, args=(up,)).start()
    assert read_exactly(server, len(up)) == up


def test_media_is_copied_without_a_header_once_its_first_message_is_whole(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    relay = start_relay()
    hello = b"\x16\x03\x01\x00\x15\x01\x00\x00\x11not ours to judge, and more"
    client = relay.connect(relay.media, hello)
    server = upstream.next()
    assert read_exactly(server, len(hello)) == hello
    exchange(client, server, os.urandom(8 * MIB), os.urandom(8 * MIB))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_chat_inside_tls_is_decrypted(start_relay: StartRelay, upstream: Upstream, version: ssl.TLSVersion) -> None:
    relay = start_relay()
    context = any_certificate()
    context.maximum_version = version
    up, down = HELLO + os.urandom(4 * MIB), os.urandom(4 * MIB)

    async def talk() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.tls, ssl=context)
        writer.write(up)
        received = await reader.readexactly(len(down))
        await writer.drain()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        return received

    def serve() -> None:
        server = upstream.next()
        headers.append(read_line(server))
        sender = threading.Thread(target=server.sendall, args=(down,))
        sender.start()
        bodies.append(read_to_end(server))
        sender.join()
        server.close()

    headers: list[bytes] = []
    bodies: list[bytes] = []
    thread = threading.Thread(target=serve)
    thread.start()
    received = asyncio.run(talk())
    thread.join()
    assert received == down
    assert bodies == [up]
    assert headers[0].endswith(f" {relay.tls}\r\n".encode())


@pytest.mark.parametrize("family", ["127.0.0.1", "::1"])
def test_the_v2_header_carries_both_families(start_relay: StartRelay, upstream: Upstream, family: str) -> None:
    relay = start_relay(send_proxy="v2")
    client = relay.connect(relay.chat, HELLO, host=family)
    server = upstream.next()
    size = 16 + (12 if family == "127.0.0.1" else 36)
    header = parse(read_exactly(server, size))
    assert header is not None
    assert header.ends == Ends(family, family, client.getsockname()[1], relay.chat)
    assert read_exactly(server, 4) == HELLO


def test_without_send_proxy_the_upstream_sees_only_the_stream(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off")
    client = relay.connect(relay.chat, HELLO)
    assert read_exactly(upstream.next(), 4) == HELLO
    client.close()


@pytest.mark.costly
@pytest.mark.parametrize("inner", ["plain", "tls"])
@pytest.mark.parametrize("form", ["v1", "v2"])
def test_a_balancers_header_is_read_and_passed_on(
    start_relay: StartRelay, upstream: Upstream, form: str, inner: str
) -> None:
    relay = start_relay()
    if form == "v1":
        header = b"PROXY TCP6 2001:db8::7 2001:db8::1 4000 443\r\n"
        expected = header
    else:
        header = bytes.fromhex("0d0a0d0a000d0a515549540a2111000fcb007107c63364010fa001bb") + b"\x04\x00\x00"
        expected = b"PROXY TCP4 203.0.113.7 198.51.100.1 4000 443\r\n"
    raw = relay.connect(relay.balancer)
    # Byte by byte: the header must not depend on how the packets were cut.
    for byte in header:
        raw.sendall(bytes([byte]))
    client = raw if inner == "plain" else keep(any_certificate().wrap_socket(raw))
    client.sendall(HELLO)
    server = upstream.next()
    assert read_line(server) == expected
    assert read_exactly(server, 4) == HELLO


def test_media_behind_a_balancer_loses_the_header(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    relay.connect(relay.balanced_media, b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n" + MEDIA_HELLO)
    assert read_exactly(upstream.next(), len(MEDIA_HELLO)) == MEDIA_HELLO


@pytest.mark.costly
@pytest.mark.parametrize("data", [b"WA\x06\x03", b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 1.2.3.4\r\n", b"P" * 200])
def test_a_balancer_port_without_a_valid_header_is_closed(
    start_relay: StartRelay, upstream: Upstream, data: bytes
) -> None:
    relay = start_relay()
    client = relay.connect(relay.balancer, data)
    assert read_to_end_or_reset(client) == b""
    assert upstream.waiting == 0
    wait_for(lambda: relay.counted("refused", "proxy-header") == 1, "the refusal to be counted")


def read_to_end_or_reset(connection: socket.socket) -> bytes:
    try:
        return read_to_end(connection)
    except ConnectionResetError:
        return b""


def test_first_bytes_may_come_one_by_one(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off")
    client = relay.connect(relay.chat)
    for byte in ROUTED:
        client.sendall(bytes([byte]))
        time.sleep(0.01)
    assert read_exactly(upstream.next(), len(ROUTED)) == ROUTED


@pytest.mark.parametrize("port", ["chat", "media", "tls"])
def test_each_side_can_end_its_half_first(start_relay: StartRelay, upstream: Upstream, port: str) -> None:
    relay = start_relay(send_proxy="off")
    rest = os.urandom(MIB)
    # The client ends first, and still receives everything.
    hello = MEDIA_HELLO if port == "media" else HELLO
    if port != "tls":
        client = relay.connect(getattr(relay, port), hello)
        client.shutdown(socket.SHUT_WR)
        server = upstream.next()
        assert read_to_end(server) == hello
        server.sendall(rest)
        server.close()
        assert read_to_end(client) == rest
    # The upstream ends first, and still receives everything.
    client = tls_connect(relay.tls, HELLO) if port == "tls" else relay.connect(getattr(relay, port), hello)
    server = upstream.next()
    assert read_exactly(server, len(hello)) == hello
    server.sendall(b"last words")
    server.shutdown(socket.SHUT_WR)
    assert read_to_end(client) == b"last words"
    sender = threading.Thread(target=client.sendall, args=(rest,))
    sender.start()
    assert read_exactly(server, len(rest)) == rest
    sender.join()
    client.close()
    assert read_to_end(server) == b""
    wait_for(lambda: relay.status["connections"] == 0, "the stream to be over")


@pytest.mark.costly
@pytest.mark.parametrize("who", ["client", "server"])
def test_a_reset_on_one_side_ends_the_other(start_relay: StartRelay, upstream: Upstream, who: str) -> None:
    relay = start_relay(send_proxy="off")
    client = relay.connect(relay.chat, HELLO)
    server = upstream.next()
    assert read_exactly(server, 4) == HELLO
    victim, witness = (client, server) if who == "client" else (server, client)
    victim.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    victim.close()
    assert read_to_end_or_reset(witness) == b""
    wait_for(lambda: relay.status["connections"] == 0, "the stream to be over")


def test_a_reader_that_stalls_holds_up_only_itself(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay(send_proxy="off")
    stalled = relay.connect(relay.media, MEDIA_HELLO)
    flood = upstream.next()
    assert read_exactly(flood, len(MEDIA_HELLO)) == MEDIA_HELLO
    flood.setblocking(False)
    sent = 0
    until = time.monotonic() + 2
    while time.monotonic() < until:
        try:
            sent += flood.send(bytes(65536))
        except BlockingIOError:
            time.sleep(0.05)
    assert sent > 65536
    client = relay.connect(relay.media, MEDIA_HELLO)
    server = upstream.next()
    assert read_exactly(server, len(MEDIA_HELLO)) == MEDIA_HELLO
    exchange(client, server, os.urandom(MIB), os.urandom(MIB))
    # And when it reads at last, nothing is missing.
    flood.setblocking(True)
    flood.close()
    assert len(read_to_end(stalled)) == sent


def test_a_browser_on_the_home_network_is_led_to_the_setup_page(relay_with_page: Relay) -> None:
    request = b"GET / HTTP/1.1\r\nHost: porchlight.local\r\n\r\n"
    plain = read_to_end(relay_with_page.connect(relay_with_page.chat, request))
    # As nginx redirects, whose body says something else than its status line.
    assert plain.startswith(b"HTTP/1.1 302 Moved Temporarily\r\nServer: nginx\r\nDate: ")
    assert b"<center><h1>302 Found</h1></center>\r\n<hr><center>nginx</center>\r\n" in plain
    assert b"Location: http://porchlight.local:8199/\r\n" in plain
    encrypted = read_to_end(tls_connect(relay_with_page.tls, request))
    assert re.sub(rb"Date: [^\r]*", b"", encrypted) == re.sub(rb"Date: [^\r]*", b"", plain)


def test_a_browser_behind_a_balancer_is_a_stranger(relay_with_page: Relay) -> None:
    header = b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n"
    request = b"GET / HTTP/1.1\r\nHost: porchlight.local\r\n\r\n"
    seen = read_to_end(relay_with_page.connect(relay_with_page.balancer, header + request))
    assert seen.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"8199" not in seen


@pytest.fixture
def relay_with_page(start_relay: StartRelay) -> Relay:
    return start_relay()


def test_a_scanner_gets_silence(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    for client in (relay.connect(relay.chat, b"SSH-2.0-x\r\n"), tls_connect(relay.tls, b"\x00\x01\x02")):
        client.settimeout(1.0)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.close()
    assert upstream.waiting == 0
    wait_for(lambda: relay.counted("refused", "foreign") == 2, "the refusals to be counted")


@pytest.mark.costly
@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", cover.NOT_TLS.encode()),
        (HELLO, b"<h1>400 Bad Request</h1></center>\r\n<hr><center>nginx</center>\r\n</body>"),
        (bytes(4), b"<h1>400 Bad Request</h1></center>\r\n<hr><center>nginx</center>\r\n</body>"),
    ],
)
def test_what_is_no_tls_on_the_tls_port_gets_a_web_server_s_answer(
    start_relay: StartRelay, upstream: Upstream, sent: bytes, told: bytes
) -> None:
    relay = start_relay()
    client = relay.connect(relay.tls)
    for at in range(len(sent)):
        # However it is cut; nobody but a prober sends on after the answer.
        with suppress(OSError):
            client.sendall(sent[at : at + 1])
    answer = read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert told in answer
    assert upstream.waiting == 0
    wait_for(lambda: relay.counted("handshake_failures", "not-tls") == 1, "the failure to be counted")
