"""PROXY headers of both versions on the ports behind a balancer, and what they become upstream."""

import struct

import pytest

from appliance.relay.proxy_header import SIGNATURE_V2, Ends, build
from tests.relay.running import is_relayed
from tests.wire.stage import Both, Seen, Stage
from tests.wire.talking import BALANCED, BALANCED_MEDIA, HELLO, PORTS, Port, connect

difference = pytest.mark.difference
PLAIN = next(one for one in PORTS if one.number == 8222)
BEHIND = [one for one in PORTS if one.balanced]
FOUR = BALANCED[4]
PACKED_4 = build("v2", FOUR)[16:]
PACKED_6 = build("v2", BALANCED[6])[16:]
# TLVs as the specification's section 2.2 names them: NOOP, authority, a custom one of some size.
EXTENSIONS = b"\x04\x00\x03abc" + b"\x02\x00\x0bexample.org" + b"\xe0\x01\x00" + bytes(256)


def v2(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE_V2 + struct.pack("!BBH", command, family, len(body)) + body


# Name, header, and whom the upstream must be told; None for the connection's own ends.
GOOD: list[tuple[str, bytes, Ends | None]] = [
    ("v1 IPv4", build("v1", FOUR), FOUR),
    ("v1 IPv6", build("v1", BALANCED[6]), BALANCED[6]),
    ("v1 IPv6 at length", b"PROXY TCP6 2001:DB8:0:0:0::7 2001:db8:0:0:1:0:0:1 0 65535\r\n",
     Ends("2001:db8::7", "2001:db8::1:0:0:1", 0, 65535)),
    ("v1 unknown", b"PROXY UNKNOWN\r\n", None),
    ("v2 IPv4", build("v2", FOUR), FOUR),
    ("v2 IPv6", build("v2", BALANCED[6]), BALANCED[6]),
    ("v2 IPv4 with extensions", v2(0x21, 0x11, PACKED_4 + EXTENSIONS), FOUR),
    ("v2 IPv6 with extensions", v2(0x21, 0x21, PACKED_6 + EXTENSIONS), BALANCED[6]),
    ("v2 local", v2(0x20, 0x00, b""), None),
]  # fmt: skip

# What HAProxy 2.6 reads, and 3.0 resets.
BLOCKS: list[tuple[str, bytes, Ends | None]] = [
    ("v2 with 3 KiB of extensions", v2(0x21, 0x11, PACKED_4 + b"\xe0\x0b\xfd" + bytes(3069)), FOUR),
    ("v2 local with addresses", v2(0x20, 0x11, PACKED_4), None),
]

BAD: dict[str, bytes] = {
    "chat": HELLO,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x00\x05hello",
    "v1 cut short": b"PROXY TCP4 1.2.3.4\r\n",
    "v1 without an end": b"PROXY TCP4 " + b"1" * 120,
    "v1 with a word too many": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
    "v1 with UDP": b"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
    "v1 with both families": b"PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
    "v1 with the other family": b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
    "v1 with no word": b"PROXY \r\n",
    "v2 of version 1": v2(0x11, 0x11, PACKED_4),
    "v2 with an unknown command": v2(0x22, 0x11, PACKED_4),
    "v2 IPv4 cut short": v2(0x21, 0x11, PACKED_4[:-1]),
    "v2 IPv6 cut short": v2(0x21, 0x21, PACKED_4),
    "v2 with an unknown family": v2(0x21, 0x99, PACKED_4),
    "v2 of 5000 bytes": v2(0x21, 0x11, PACKED_4 + bytes(4988)),
    "v2 with an extension that is longer than the header": v2(0x21, 0x11, PACKED_4 + b"\x04\x00\x09abc"),
    "v2 with two bytes too many": v2(0x21, 0x11, PACKED_4 + b"\x04\x00"),
}


@pytest.mark.parametrize("sends", ["v1", "v2"])
@pytest.mark.parametrize(("header", "ends"), [one[1:] for one in GOOD], ids=[one[0] for one in GOOD])
def test_a_header_is_read_and_told_upstream(
    container: Both, chart: Both, header: bytes, ends: Ends | None, sends: str
) -> None:
    seen = (container if sends == "v1" else chart).same(lambda stage: told_upstream(stage, header, ends, sends))
    assert seen.data.endswith(HELLO), seen


def told_upstream(stage: Stage, header: bytes, ends: Ends | None, sends: str) -> Seen:
    """Come with a header, and insist that the upstream is told these ends; or be sent away."""
    client = connect(stage, PLAIN, header=header).send(HELLO)
    own = client.socket.getsockname(), client.socket.getpeername()
    told = ends or Ends(own[0][0], own[1][0], own[0][1], own[1][1])
    if not is_relayed(client.socket, stage.upstreams["chat"]):
        return client.rest()
    upstream = stage.arrived()
    client.finish()
    seen = upstream.rest()
    assert seen == Seen(build("v1" if sends == "v1" else "v2", told) + HELLO, "end"), stage.name
    return seen


@difference("header-blocks-are-skipped")
@pytest.mark.parametrize("sends", ["v1", "v2"])
@pytest.mark.parametrize(("header", "ends"), [one[1:] for one in BLOCKS], ids=[one[0] for one in BLOCKS])
def test_what_a_newer_reference_refuses_is_read(
    container: Both, chart: Both, header: bytes, ends: Ends | None, sends: str
) -> None:
    both = container if sends == "v1" else chart
    ours, reference = both.play(lambda stage: told_upstream(stage, header, ends, sends))
    assert ours.data.endswith(HELLO), ours
    assert reference in (ours, Seen(b"", "reset"))


@pytest.mark.parametrize(
    ("port", "bad"),
    # The parser is the same on all of them.
    [*((PLAIN, bad) for bad in BAD), *((port, bad) for port in BEHIND if port != PLAIN for bad in ("chat", "tls"))],
    ids=str,
)
def test_what_is_no_header_is_reset(container: Both, port: Port, bad: str) -> None:
    def script(stage: Stage) -> object:
        seen = stage.client(port.number, BAD[bad]).rest()
        assert stage.nothing_arrived, stage.name
        return seen

    assert container.same(script) == Seen(b"", "reset")


@pytest.mark.parametrize("header", [build("v1", FOUR), build("v2", FOUR), b"PROXY UNKNOWN\r\n"], ids=["v1", "v2", "-"])
def test_media_loses_the_header(chart: Both, header: bytes) -> None:
    def script(stage: Stage) -> object:
        connect(stage, BALANCED_MEDIA, header=header).send(BALANCED_MEDIA.hello).finish()
        return stage.arrived("media").rest()

    assert chart.same(script) == Seen(BALANCED_MEDIA.hello, "end")


def test_media_without_the_header_is_reset(chart: Both) -> None:
    assert chart.same(lambda stage: stage.client(7777, b"media").rest()) == Seen(b"", "reset")
