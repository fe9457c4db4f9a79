"""The Port Control Protocol's datagrams (RFC 6887): requests made, answers understood. No input or output."""

import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum

from appliance.network.home import Address
from appliance.router.damaged import DamagedAnswer

PORT = 5351
VERSION = 2
# RFC 6887, section 7: a datagram has at most 1100 bytes, and a number of bytes that four divides.
LONGEST = 1100
NONCE = 12  # bytes
TCP = 6
OPCODE_MAP = 1
ANSWER = 0x80

HEADER_ASK = struct.Struct("!BBHI16s")
HEADER_ANSWER = struct.Struct("!BBBBII12x")
MAP = struct.Struct("!12sB3xHH16s")


class Result(IntEnum):
    """Result codes, RFC 6887 section 7.4."""

    SUCCESS = 0
    UNSUPP_VERSION = 1
    NOT_AUTHORIZED = 2
    MALFORMED_REQUEST = 3
    UNSUPP_OPCODE = 4
    UNSUPP_OPTION = 5
    MALFORMED_OPTION = 6
    NETWORK_FAILURE = 7
    NO_RESOURCES = 8
    UNSUPP_PROTOCOL = 9
    USER_EX_QUOTA = 10
    CANNOT_PROVIDE_EXTERNAL = 11
    ADDRESS_MISMATCH = 12
    EXCESSIVE_REMOTE_PEERS = 13


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """What the router says to a MAP request.

    Args:
        result: one of ``Result``; a number that is not among them stays one.
        lifetime: seconds that the mapping lives, or that an error stays true.
        outer_port: the port that people outside connect to; 0 with an error.
        outer: the router's outer address; empty with an error.
    """

    result: int
    lifetime: int
    outer_port: int = 0
    outer: str = ""


def map_request(nonce: bytes, own: Address, port: int, lifetime: int) -> bytes:
    """Ask for a TCP port, with the same number outside; a lifetime of 0 takes the mapping away.

    Args:
        nonce: 12 bytes that nobody on the network can guess, the same for the life of the mapping.
        own: this device's address, from which the datagram is sent.
        port: on both sides.
        lifetime: seconds.
    """
    anywhere: Address = ipaddress.IPv4Address(0) if own.version == 4 else ipaddress.IPv6Address(0)
    header = HEADER_ASK.pack(VERSION, OPCODE_MAP, 0, lifetime, _sixteen(own))
    return header + MAP.pack(nonce, TCP, port, port if lifetime else 0, _sixteen(anywhere))


def understand_map(data: bytes, nonce: bytes, port: int) -> MapAnswer:
    """The router's answer to ``map_request``.

    A router that speaks NAT-PMP alone answers in that protocol's form that it does not know this version (RFC 6886,
    section 3.5); that is understood too.

    Raises:
        DamagedAnswer: this is no answer to that request; the true one may still come.
    """
    if len(data) == 8 and data[0] == 0 and data[2:4] == b"\0\1":
        return MapAnswer(Result.UNSUPP_VERSION, 0)
    if not HEADER_ANSWER.size <= len(data) <= LONGEST or len(data) % 4:
        raise DamagedAnswer("not the length of a PCP answer")
    version, opcode, _reserved, result, lifetime, _epoch = HEADER_ANSWER.unpack_from(data)
    if opcode != ANSWER | OPCODE_MAP and result != Result.UNSUPP_VERSION:
        raise DamagedAnswer("an answer to something else")
    if result == Result.UNSUPP_VERSION:
        return MapAnswer(result, lifetime)
    if version != VERSION or len(data) < HEADER_ANSWER.size + MAP.size:
        raise DamagedAnswer("not of PCP's version 2")
    got, protocol, inner_port, outer_port, outer = MAP.unpack_from(data, HEADER_ANSWER.size)
    if (got, protocol, inner_port) != (nonce, TCP, port):
        raise DamagedAnswer("an answer to somebody else's request")
    if result != Result.SUCCESS:
        return MapAnswer(result, lifetime)
    return MapAnswer(result, lifetime, outer_port, _text(outer))


def understand_announcement(data: bytes) -> None:
    """What a router tells everybody after it has started anew (RFC 6887, section 14.1): nothing but that it has.

    Raises:
        DamagedAnswer: something else.
    """
    if len(data) < HEADER_ANSWER.size or len(data) > LONGEST or len(data) % 4:
        raise DamagedAnswer("not the length of a PCP announcement")
    version, opcode, _reserved, result, _lifetime, _epoch = HEADER_ANSWER.unpack_from(data)
    if version != VERSION or not opcode & ANSWER or result != Result.SUCCESS:
        raise DamagedAnswer("not an announcement of PCP")


def _sixteen(address: Address) -> bytes:
    """An address in 16 bytes, IPv4 within ``::ffff:0:0/96`` (RFC 6887, section 5)."""
    return address.packed if address.version == 6 else b"\0" * 10 + b"\xff\xff" + address.packed


def _text(sixteen: bytes) -> str:
    address = ipaddress.IPv6Address(sixteen)
    found = address.ipv4_mapped or address
    return "" if found.is_unspecified else str(found)
