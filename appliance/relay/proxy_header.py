"""The PROXY protocol, versions 1 and 2: reading a load balancer's header, writing our own. No input or output.

Source: "The PROXY protocol", haproxy.org/download/2.8/doc/proxy-protocol.txt, sections 2.1 and 2.2.
"""

import ipaddress
import struct
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

SIGNATURE_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
# Section 2.1: the longest possible version 1 line, its CRLF included, in bytes.
LONGEST_V1 = 107
# Version 2 allows 64 KiB of TLVs; a balancer that needs more than this is not one of ours. Bytes.
LONGEST_V2 = 4096
SIZE_OF_V2_START = 16
# Section 2.2.7: a type and a length, before each extension.
SIZE_OF_TLV_START = 3
TCP4, TCP6 = 0x11, 0x21


class ProxyHeaderError(ValueError):
    """The bytes are no valid PROXY header; the connection is refused."""


class Ends(NamedTuple):
    """The two ends of the original connection: addresses in their usual notation, ports as numbers."""

    source: str
    destination: str
    source_port: int
    destination_port: int


@dataclass(frozen=True, slots=True)
class Header:
    """A header that was read.

    Args:
        size: how many bytes it took; what follows belongs to the stream.
        ends: the original connection, or None for UNKNOWN and LOCAL, where the connection itself counts.
    """

    size: int
    ends: Ends | None


def parse(data: bytes) -> Header | None:
    """Read the header that ``data`` begins with.

    Args:
        data: everything received so far.

    Returns:
        The header, or None while more bytes are needed.

    Raises:
        ProxyHeaderError: ``data`` is not, and cannot become, a valid header.
    """
    if SIGNATURE_V2.startswith(data[:12]):
        return _parse_v2(data) if len(data) >= SIZE_OF_V2_START else None
    if b"PROXY ".startswith(data[:6]):
        return _parse_v1(data)
    raise ProxyHeaderError("no PROXY header")


def _parse_v1(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1:
            raise ProxyHeaderError("a version 1 line that does not end")
        return None
    words = data[:end].split(b" ")
    if words[1] == b"UNKNOWN":
        return Header(end + 2, None)
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise ProxyHeaderError("a version 1 line of another form")
    if b"%" in data[:end]:
        # ipaddress takes "fe80::1%eth0", which means nothing on another machine and has no place in version 2.
        raise ProxyHeaderError("a version 1 line with a zone in an address")
    family = ipaddress.IPv4Address if words[1] == b"TCP4" else ipaddress.IPv6Address
    try:
        source, destination = (str(family(word.decode("ascii"))) for word in words[2:4])
    except ValueError:
        raise ProxyHeaderError("a version 1 line with a wrong address") from None
    return Header(end + 2, Ends(source, destination, _port(words[4]), _port(words[5])))


def _port(word: bytes) -> int:
    # Section 2.1: decimal, 0 to 65535, without leading zeroes.
    if not word.isdigit() or len(word) > 5 or (len(word) > 1 and word.startswith(b"0")) or int(word) > 65535:
        raise ProxyHeaderError("a version 1 line with a wrong port")
    return int(word)


def _parse_v2(data: bytes) -> Header | None:
    version_and_command, family, length = struct.unpack_from("!BBH", data, 12)
    if version_and_command not in (0x20, 0x21):
        raise ProxyHeaderError("an unknown version or command")
    size = SIZE_OF_V2_START + length
    if size > LONGEST_V2:
        raise ProxyHeaderError("a version 2 header that is too long")
    if len(data) < size:
        return None
    if version_and_command == 0x20:
        return Header(size, None)
    if family == TCP4 and length >= 12:
        _check_extensions(data[SIZE_OF_V2_START + 12 : size])
        source, destination, source_port, destination_port = struct.unpack_from("!4s4sHH", data, SIZE_OF_V2_START)
    elif family == TCP6 and length >= 36:
        _check_extensions(data[SIZE_OF_V2_START + 36 : size])
        source, destination, source_port, destination_port = struct.unpack_from("!16s16sHH", data, SIZE_OF_V2_START)
    elif family in (TCP4, TCP6):
        raise ProxyHeaderError("a version 2 header that is too short for its addresses")
    elif family in (0x00, 0x12, 0x22, 0x31, 0x32):
        # Section 2.2: other transports carry no address that means something here.
        return Header(size, None)
    else:
        raise ProxyHeaderError("an unknown address family")
    return Header(
        size,
        Ends(str(ipaddress.ip_address(source)), str(ipaddress.ip_address(destination)), source_port, destination_port),
    )


def _check_extensions(data: bytes) -> None:
    """What they say is not used, but they must fill the header exactly, as the reference insists too."""
    at = 0
    while at + SIZE_OF_TLV_START <= len(data):
        at += SIZE_OF_TLV_START + int.from_bytes(data[at + 1 : at + SIZE_OF_TLV_START], "big")
    if at != len(data):
        raise ProxyHeaderError("a version 2 header whose extensions do not fit into it")


def build(version: str, ends: Ends) -> bytes:
    """The header that tells an upstream whom a connection comes from.

    Args:
        version: which form to write, ``v1`` or ``v2``.
        ends: the original connection; both addresses of the same family.
    """
    # Once for each connection: the addresses are in their usual notation already, so nothing has to be parsed.
    source, destination = ends.source, ends.destination
    if version == "v1":
        family = "TCP6" if ":" in source else "TCP4"
        return f"PROXY {family} {source} {destination} {ends.source_port} {ends.destination_port}\r\n".encode("ascii")
    kind, code = (AF_INET6, TCP6) if ":" in source else (AF_INET, TCP4)
    addresses = inet_pton(kind, source) + inet_pton(kind, destination)
    addresses += struct.pack("!HH", ends.source_port, ends.destination_port)
    return SIGNATURE_V2 + struct.pack("!BBH", 0x21, code, len(addresses)) + addresses
