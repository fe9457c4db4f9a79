"""Looking at a ClientHello: real ones, cut ones, and anything but one."""

import random
import socket
import ssl
import struct
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.relay.client_hello import (
    LARGEST_HELLO,
    MOST_RECORDS,
    OWN_DOMAINS,
    ClientHelloError,
    Reader,
    is_own,
)
from tests.relay.conftest import StartRelay
from tests.relay.running import PATIENCE, Upstream, read_exactly, wait_for

MEDIA = "media-ams2-1.cdn.whatsapp.net"
# Cases of each fuzz test: in ./test quick, and in ./test.
FEW, MANY = 3_000, 100_000


def python_hello(name: str | None, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """What Python's own ssl says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    context.set_alpn_protocols(["h2", "http/1.1"])
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def openssl_hello(*options: str) -> bytes:
    """What ``openssl s_client`` says first."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{listening.getsockname()[1]}", *options]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        listening.settimeout(PATIENCE)
        connection, _ = listening.accept()
        with connection:
            data = connection.recv(65536)
        process.communicate(timeout=PATIENCE)
    return data


def read(*portions: bytes) -> str | None:
    """The name that somebody asks for who sends these portions; None while there is more to come."""
    reader = Reader()
    for portion in portions:
        if reader.feed(portion):
            return reader.server_name
    return None


def cut_into_records(hello: bytes, sizes: Sequence[int]) -> bytes:
    """The same message in several records: of these sizes, and one with the rest."""
    message, found = hello[5:], b""
    for size in [*sizes, len(message)]:
        part, message = message[:size], message[size:]
        if part:
            found += hello[:3] + struct.pack("!H", len(part)) + part
    return found


HELLO = python_hello(MEDIA)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("name", [MEDIA, "WhatsApp.net", "example.org", None])
def test_pythons_name_is_read(name: str | None, version: ssl.TLSVersion) -> None:
    assert read(python_hello(name, version)) == (name or "").lower()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("-servername", "mmg.whatsapp.net"), "mmg.whatsapp.net"),
        (("-servername", "mmg.whatsapp.net", "-tls1_2"), "mmg.whatsapp.net"),
        (("-servername", "mmg.whatsapp.net", "-alpn", "h2", "-status"), "mmg.whatsapp.net"),
        (("-noservername",), ""),
        (("-noservername", "-tls1_2"), ""),
    ],
)
def test_openssls_name_is_read(options: tuple[str, ...], name: str) -> None:
    assert read(openssl_hello(*options)) == name


def test_a_hello_without_extensions_names_nobody() -> None:
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    assert read(b"\x16\x03\x01" + struct.pack("!H", len(message)) + message) == ""


@given(st.lists(st.integers(1, 300), max_size=20), st.lists(st.integers(0, 700), max_size=20))
def test_how_it_is_cut_changes_nothing(records: list[int], portions: list[int]) -> None:
    data = cut_into_records(HELLO, records)
    edges = sorted({0, len(data), *(one for one in portions if one < len(data))})
    parts = [data[start:end] for start, end in pairwise(edges)]
    assert read(*parts) == MEDIA
    assert read(*parts[:-1]) is None


def test_byte_by_byte() -> None:
    reader = Reader()
    for number, byte in enumerate(HELLO):
        assert reader.feed(bytes([byte])) == (number == len(HELLO) - 1)
    # What comes after it is no concern of the reader's.
    assert reader.feed(b"\xff" * 10)
    assert reader.server_name == MEDIA


def with_extensions(*extensions: tuple[int, bytes]) -> bytes:
    """A small ClientHello with these extensions."""
    inside = b"".join(struct.pack("!HH", kind, len(content)) + content for kind, content in extensions)
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x02\x13\x01" + b"\x01\0" + struct.pack("!H", len(inside)) + inside
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack("!H", len(message)) + message


def names(*entries: tuple[int, bytes]) -> bytes:
    """The contents of a server name extension."""
    inside = b"".join(struct.pack("!BH", kind, len(name)) + name for kind, name in entries)
    return struct.pack("!H", len(inside)) + inside


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n", id="http"),
        pytest.param(b"\x80", id="sslv2"),
        pytest.param(b"\x16\x02", id="version"),
        pytest.param(b"\x16\x03\x01\x00\x00", id="empty record"),
        pytest.param(b"\x16\x03\x01\x40\x01", id="record too large"),
        pytest.param(b"\x16\x03\x01\x00\x05\x02", id="server hello"),
        pytest.param(b"\x16\x03\x01\x40\x00\x01" + (LARGEST_HELLO + 1).to_bytes(3, "big"), id="hello too large"),
        pytest.param(cut_into_records(b"\x16\x03\x01  \x01\0\x20\0" + bytes(8192), [1] * MOST_RECORDS), id="too fine"),
        pytest.param(HELLO[:5] + HELLO[5:9] + b"\x02" + HELLO[10:], id="ssl 2"),
        pytest.param(with_extensions()[:43] + b"\xff" + with_extensions()[44:], id="session beyond the end"),
    ],
)
def test_what_is_no_client_hello_is_refused_at_once(data: bytes) -> None:
    with pytest.raises(ClientHelloError):
        read(data)


def test_a_name_that_servers_could_read_in_two_ways_is_refused() -> None:
    one, other = names((0, b"a.whatsapp.net")), names((0, b"b.example"))
    assert read(with_extensions((0x0A0A, b""), (0, one))) == "a.whatsapp.net"
    assert read(with_extensions((0, names((7, b"?"), (0, b"a.whatsapp.net"))))) == "a.whatsapp.net"
    for extensions in (
        [(0, one), (0, other)],
        [(0, names((0, b"a.whatsapp.net"), (0, b"b.example")))],
        [(0, names((0, b"")))],
        [(0, b"")],
        [(0, one[:-1])],
    ):
        with pytest.raises(ClientHelloError):
            read(with_extensions(*extensions))


@pytest.mark.parametrize("domain", OWN_DOMAINS)
def test_the_apps_own_servers(domain: str) -> None:
    assert is_own(domain)
    assert is_own(f"a.b.{domain}")
    assert not is_own(f"not{domain}")
    assert not is_own(f"{domain}.example.org")
    assert not is_own("")
    assert not is_own(f".{domain}"[1:-1])


def fuzz(cases: int) -> None:
    """Damage real ones: nothing is raised but the declared error, and the cut does not change what is found."""
    chance = random.Random(cases)  # noqa: S311
    originals = [HELLO, python_hello(None), python_hello(MEDIA, ssl.TLSVersion.TLSv1_2), with_extensions((0, b"\0\0"))]
    outcomes = {"name": 0, "error": 0, "more": 0}

    def outcome(*portions: bytes) -> str | None:
        try:
            return read(*portions)
        except ClientHelloError:
            return "error"

    for _ in range(cases):
        data = bytearray(chance.choice(originals))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randrange(1, 9)]
                case 2:
                    data[at:at] = chance.randbytes(chance.randrange(1, 9))
                case _:
                    data[at] ^= 1 << chance.randrange(8)
            if not data:
                data = bytearray(b"\0")
        whole = bytes(data)
        cut = chance.randrange(len(whole))
        found = outcome(whole)
        assert outcome(whole[:cut], whole[cut:]) == found
        outcomes["more" if found is None else "error" if found == "error" else "name"] += 1
    # A fuzzer that only ever meets one kind of answer tests nothing.
    assert min(outcomes.values()) > cases / 50, outcomes


def test_damaged_ones_raise_nothing_else() -> None:
    fuzz(FEW)


@pytest.mark.slow
def test_many_damaged_ones_raise_nothing_else() -> None:
    fuzz(MANY)


@given(st.binary(max_size=200))
def test_any_bytes_raise_nothing_else(data: bytes) -> None:
    for prefix in (b"", b"\x16\x03\x01\x00\xc0", b"\x16\x03\x01\x00\xc0\x01\x00\x00\x80\x03\x03"):
        with suppress(ClientHelloError):
            read(prefix + data)


@pytest.mark.parametrize("port", ["media", "balanced_media"])
@pytest.mark.costly
def test_a_foreign_name_is_refused_where_the_owner_wants_that(
    start_relay: StartRelay, upstream: Upstream, port: str
) -> None:
    relay = start_relay(foreign_sni="refuse")
    number = getattr(relay, port)
    header = b"PROXY TCP4 203.0.113.7 198.51.100.1 1 2\r\n" if port == "balanced_media" else b""
    # Cut over records and segments, and byte for byte the same upstream.
    cut = cut_into_records(HELLO, [1, 3, 100])
    client = relay.connect(number, header + cut[:7])
    for start in range(7, len(cut), 50):
        client.sendall(cut[start : start + 50])
    client.sendall(b"more")
    server = upstream.next()
    assert read_exactly(server, len(cut) + 4) == cut + b"more"
    for hello in (python_hello("example.org"), python_hello(None), b"GET / HTTP/1.1\r\n\r\n"):
        silent = relay.connect(number, header + hello)
        silent.settimeout(0.5)
        with pytest.raises(TimeoutError):
            silent.recv(1)
    wait_for(lambda: relay.counted("refused", "foreign") == 1, "the refusals to be counted")
    assert relay.counted("refused", "foreign-sni") == 2
    assert upstream.waiting == 0
    server.sendall(b"answer")
    assert read_exactly(client, 6) == b"answer"


@pytest.mark.costly
def test_by_default_any_name_will_do(start_relay: StartRelay, upstream: Upstream) -> None:
    relay = start_relay()
    hello = python_hello("example.org")
    relay.connect(relay.media, hello)
    assert read_exactly(upstream.next(), len(hello)) == hello


@pytest.mark.costly
@pytest.mark.parametrize("inside", [b"", b"\x09\x09" + bytes(60), b"\xff" * 300])
def test_by_default_nothing_in_a_greeting_is_judged(start_relay: StartRelay, upstream: Upstream, inside: bytes) -> None:
    relay = start_relay()
    message = b"\x01" + len(inside).to_bytes(3, "big") + inside
    hello = cut_into_records(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message, [2, 3])
    relay.connect(relay.media, hello + b"more")
    assert read_exactly(upstream.next(), len(hello) + 4) == hello + b"more"
