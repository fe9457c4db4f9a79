"""The address that the outside sees, by STUN (RFC 5389): one datagram there, one back. No input or output.

Only the binding request is needed, without any attribute: it tells the server nothing but that somebody asks.
"""

import ipaddress
import struct

from appliance.router.damaged import DamagedAnswer

COOKIE = 0x2112A442
TRANSACTION = 12  # bytes that nobody off the path can guess
REQUEST, SUCCESS = 0x0001, 0x0101
MAPPED_ADDRESS, XOR_MAPPED_ADDRESS = 0x0001, 0x0020
IPV4 = 1
# Bytes. Without attributes of its own an answer is far below this; RFC 5389 keeps them below the path's MTU.
LONGEST = 1500

HEADER = struct.Struct("!HHI12s")
ATTRIBUTE = struct.Struct("!HH")


def request(transaction: bytes) -> bytes:
    """A binding request.

    Args:
        transaction: 12 random bytes, other ones each time.
    """
    return HEADER.pack(REQUEST, 0, COOKIE, transaction)


def understand(data: bytes, transaction: bytes) -> str:
    """The IPv4 address from which the server saw the request come.

    Raises:
        DamagedAnswer: this is no answer to that request, or it holds no such address.
    """
    if not HEADER.size <= len(data) <= LONGEST:
        raise DamagedAnswer("not the length of a STUN answer")
    kind, length, cookie, got = HEADER.unpack_from(data)
    if (kind, cookie, got) != (SUCCESS, COOKIE, transaction) or length != len(data) - HEADER.size or length % 4:
        raise DamagedAnswer("not an answer to this request")
    found = dict(reversed(_attributes(data[HEADER.size :])))
    # Some routers rewrite addresses that they find in datagrams, which is why the masked form comes first.
    if XOR_MAPPED_ADDRESS in found:
        return str(ipaddress.IPv4Address(_ipv4(found[XOR_MAPPED_ADDRESS]) ^ COOKIE))
    if MAPPED_ADDRESS in found:
        return str(ipaddress.IPv4Address(_ipv4(found[MAPPED_ADDRESS])))
    raise DamagedAnswer("no address in it")


def _attributes(body: bytes) -> list[tuple[int, bytes]]:
    found = []
    while body:
        if len(body) < ATTRIBUTE.size:
            raise DamagedAnswer("half an attribute")
        kind, length = ATTRIBUTE.unpack_from(body)
        end = ATTRIBUTE.size + length
        if end > len(body):
            raise DamagedAnswer("an attribute that is too long")
        found.append((kind, body[ATTRIBUTE.size : end]))
        body = body[end + -length % 4 :]
    return found


def _ipv4(value: bytes) -> int:
    if len(value) != 8 or value[1] != IPV4:
        raise DamagedAnswer("not an IPv4 address")
    return int.from_bytes(value[4:])
