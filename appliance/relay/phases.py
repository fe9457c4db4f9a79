"""How far a connection has come before it is relayed (``opening.py``). No input or output."""

from enum import IntEnum, auto

from appliance.relay.ports import Port


class Phase(IntEnum):
    """What is waited for, in the order in which it comes."""

    HEADER = auto()
    DETECT = auto()
    TLS = auto()
    ASTRAY = auto()
    FIRST = auto()
    HELLO = auto()
    BROWSER = auto()
    DIAL = auto()
    LOST = auto()
    SILENCE = auto()


# Whoever is there has been counted already.
COUNTED = (Phase.SILENCE, Phase.ASTRAY)
# What comes after the PROXY header, or instead of it.
AFTER_HEADER = {"chat-tls": Phase.TLS, "chat": Phase.FIRST, "chat-any": Phase.DETECT, "media": Phase.HELLO}


def first_phase(port: Port) -> Phase:
    """Where a connection to a port begins."""
    return Phase.HEADER if port.needs_header else AFTER_HEADER[port.carries]
