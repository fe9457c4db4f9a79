"""The PROXY header's rules: what is read, what is refused, what is written."""

import ipaddress
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.relay.proxy_header import LONGEST_V1, SIGNATURE_V2, Ends, Header, ProxyHeaderError, build, parse

FOUR = Ends("203.0.113.7", "198.51.100.1", 50000, 443)
SIX = Ends("2001:db8::7", "2001:db8::1", 50000, 443)
PORTS = st.integers(0, 65535)
ENDS = st.one_of(
    st.builds(
        Ends, st.ip_addresses(v=4).map(str), st.ip_addresses(v=4).map(str), source_port=PORTS, destination_port=PORTS
    ),
    st.builds(
        Ends, st.ip_addresses(v=6).map(str), st.ip_addresses(v=6).map(str), source_port=PORTS, destination_port=PORTS
    ),
)


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE_V2 + struct.pack("!BBH", command, family, len(body)) + body


@given(ENDS, st.sampled_from(["v1", "v2"]), st.binary(max_size=20), st.data())
def test_what_is_built_is_read_again_whole_only(ends: Ends, version: str, rest: bytes, data: st.DataObject) -> None:
    header = build("v1" if version == "v1" else "v2", ends)
    cut = data.draw(st.integers(0, len(header) - 1))
    assert parse(header[:cut]) is None
    assert parse(header + rest) == Header(len(header), ends)


def test_the_written_forms_are_those_of_the_specification() -> None:
    assert build("v1", FOUR) == b"PROXY TCP4 203.0.113.7 198.51.100.1 50000 443\r\n"
    assert build("v1", SIX) == b"PROXY TCP6 2001:db8::7 2001:db8::1 50000 443\r\n"
    packed = bytes.fromhex("cb007107c6336401c35001bb")
    assert build("v2", FOUR) == b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + packed
    assert build("v2", SIX)[12:16] == b"\x21\x21\x00\x24"


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"PROXY UNKNOWN\r\nWA", 15),
        (b"PROXY UNKNOWN ffff:f... whatever\r\n", 34),
        (v2(0x20, 0x00, b"") + b"WA", 16),
        (v2(0x20, 0x11, b"\0" * 12), 28),
        (v2(0x21, 0x00, b""), 16),
        (v2(0x21, 0x31, b"\0" * 216), 232),
    ],
)
def test_a_header_without_addresses_is_accepted(data: bytes, size: int) -> None:
    assert parse(data) == Header(size, None)


def test_v2_extensions_are_skipped() -> None:
    body = bytes(ipaddress.ip_address("203.0.113.7").packed) * 2 + struct.pack("!HH", 1, 2) + b"\x04\x00\x03abc"
    header = parse(v2(0x21, 0x11, body) + b"WA")
    assert header == Header(16 + len(body), Ends("203.0.113.7", "203.0.113.7", 1, 2))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"WA\x06\x03",
        b"\x16\x03\x01",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 " + b"1" * LONGEST_V1,
        v2(0x11, 0x11, b"\0" * 12),
        v2(0x22, 0x11, b"\0" * 12),
        v2(0x21, 0x11, b"\0" * 11),
        v2(0x21, 0x21, b"\0" * 12),
        v2(0x21, 0x99, b"\0" * 12),
        v2(0x21, 0x11, b"\0" * 5000),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(ProxyHeaderError):
        parse(data)


@pytest.mark.costly
@settings(max_examples=2000)
@example(b"PROXY \r\n")
@example(b"PROXY\r\n")
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=120).map(lambda tail: b"PROXY TCP4 " + tail),
        st.binary(max_size=120).map(lambda tail: SIGNATURE_V2 + tail),
        st.text("0123456789. TCP46:abUNKOWR\r\n", max_size=120).map(lambda tail: b"PROXY " + tail.encode()),
    )
)
def test_no_input_raises_anything_but_the_declared_error(data: bytes) -> None:
    try:
        header = parse(data)
    except ProxyHeaderError:
        return
    assert header is None or 0 < header.size <= len(data)
