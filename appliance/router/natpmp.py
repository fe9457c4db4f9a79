"""NAT-PMP's datagrams (RFC 6886): requests made, answers understood. No input or output."""

import ipaddress
import struct
from dataclasses import dataclass
from enum import IntEnum

from appliance.router.damaged import DamagedAnswer

PORT = 5351
VERSION = 0
ANSWER = 0x80
OPCODE_ADDRESS = 0
OPCODE_MAP_TCP = 2

ASK_MAP = struct.Struct("!BBHHHI")
ANSWER_ADDRESS = struct.Struct("!BBHI4s")
ANSWER_MAP = struct.Struct("!BBHIHHI")
ANSWER_ERROR = struct.Struct("!BBHI")


class Result(IntEnum):
    """Result codes, RFC 6886 section 3.5."""

    SUCCESS = 0
    UNSUPPORTED_VERSION = 1
    NOT_AUTHORIZED = 2
    NETWORK_FAILURE = 3
    OUT_OF_RESOURCES = 4
    UNSUPPORTED_OPCODE = 5


@dataclass(frozen=True, slots=True)
class AddressAnswer:
    """The router's outer address; empty with a result other than 0."""

    result: int
    outer: str = ""


@dataclass(frozen=True, slots=True)
class MapAnswer:
    """What the router says to a request for a port; port and lifetime (seconds) are 0 with a result other than 0."""

    result: int
    outer_port: int = 0
    lifetime: int = 0


def address_request() -> bytes:
    """Ask for the router's outer address."""
    return bytes((VERSION, OPCODE_ADDRESS))


def map_request(port: int, lifetime: int) -> bytes:
    """Ask for a TCP port, with the same number outside; a lifetime of 0 takes the mapping away.

    Args:
        port: on both sides.
        lifetime: seconds.
    """
    return ASK_MAP.pack(VERSION, OPCODE_MAP_TCP, 0, port, port if lifetime else 0, lifetime)


def understand_address(data: bytes) -> AddressAnswer:
    """The router's answer to ``address_request``; its announcement after a start has the same form (section 3.2.1).

    Raises:
        DamagedAnswer: this is no such answer.
    """
    result = _head(data, OPCODE_ADDRESS)
    if result != Result.SUCCESS:
        return AddressAnswer(result)
    if len(data) != ANSWER_ADDRESS.size:
        raise DamagedAnswer("not the length of an answer with an address")
    address = ipaddress.IPv4Address(ANSWER_ADDRESS.unpack(data)[4])
    return AddressAnswer(result, "" if address.is_unspecified else str(address))


def understand_map(data: bytes, port: int) -> MapAnswer:
    """The router's answer to ``map_request``.

    Raises:
        DamagedAnswer: this is no answer to that request; the true one may still come.
    """
    result = _head(data, OPCODE_MAP_TCP)
    if result != Result.SUCCESS:
        return MapAnswer(result)
    if len(data) != ANSWER_MAP.size:
        raise DamagedAnswer("not the length of an answer with a port")
    _version, _opcode, _result, _epoch, inner_port, outer_port, lifetime = ANSWER_MAP.unpack(data)
    if inner_port != port:
        raise DamagedAnswer("an answer about another port")
    return MapAnswer(result, outer_port, lifetime)


def _head(data: bytes, opcode: int) -> int:
    """The result. An answer that is an error may be short, and one of a later version is an error too."""
    if not ANSWER_ERROR.size <= len(data) <= ANSWER_MAP.size:
        raise DamagedAnswer("not the length of a NAT-PMP answer")
    version, got, result, _epoch = ANSWER_ERROR.unpack_from(data)
    if version != VERSION or got != ANSWER | opcode:
        raise DamagedAnswer("an answer to something else")
    return int(result)
