"""Asking by multicast DNS who has a name: what a computer does with ``porchlight.local`` (RFC 6762)."""

import ipaddress
import socket
import struct
import time
from contextlib import suppress

from tests.boot.home import NEIGHBOUR, Home

GROUP, PORT = "224.0.0.251", 5353
A, IN = 1, 1
POINTER = 0xC0


def question(name: str) -> bytes:
    """A query for a name's IPv4 address (RFC 1035, section 4.1)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    return struct.pack(">6H", 0, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", A, IN)


def addresses(message: bytes, name: str) -> list[str]:
    """The IPv4 addresses that an answer gives for a name; none if it is no answer or is damaged."""
    try:
        _, flags, questions, answers, *_ = struct.unpack_from(">6H", message)
        position, found = 12, []
        for _ in range(questions):
            _, position = _name(message, position)
            position += 4
        for _ in range(answers if flags & 0x8000 else 0):
            owner, position = _name(message, position)
            kind, _, _, length = struct.unpack_from(">2HIH", message, position)
            position += 10
            data = message[position : position + length]
            position += length
            if kind == A and owner.lower() == name.lower():
                found.append(str(ipaddress.IPv4Address(data)))
    except (struct.error, IndexError, ValueError):
        return []
    return found


def _name(message: bytes, position: int) -> tuple[str, int]:
    """The name that stands there, and where it ends; pointers are followed, each of them backwards."""
    labels = []
    end = None
    while length := message[position]:
        if length & POINTER == POINTER:
            end = end or position + 2
            target = struct.unpack_from(">H", message, position)[0] & 0x3FFF
            if target >= position:
                raise ValueError("a pointer that leads forwards")
            position = target
        else:
            labels.append(message[position + 1 : position + 1 + length].decode("utf-8", "replace"))
            position += 1 + length
    return ".".join(labels), end or position + 1


def ask(home: Home, name: str, timeout: float) -> list[str]:
    """Ask the home network for a name, again and again until somebody answers.

    Args:
        home: the network.
        name: such as ``porchlight.local``.
        timeout: seconds.
    """

    def make() -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        interface = socket.inet_aton(NEIGHBOUR)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + interface)
        one.bind(("", PORT))
        one.settimeout(1)
        return one

    deadline = time.monotonic() + timeout
    with home.inside(make) as asking:
        while time.monotonic() < deadline:
            asking.sendto(question(name), (GROUP, PORT))
            with suppress(TimeoutError):
                if found := addresses(asking.recv(9000), name):
                    return found
    return []
