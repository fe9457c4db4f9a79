"""One question by UDP and its answer, asked again until it comes. The thin part below the codecs."""

import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from appliance.network.gateway import Gateway
from appliance.router.damaged import DamagedAnswer
from appliance.router.patience import Patience

# Seconds until the question is asked again. RFC 6886, section 3.1: 250 ms first, then twice as long each time. It goes
# on for a minute there; at home an answer that takes longer than this in all will not come.
WAITS = (0.25, 0.5, 1.0)
LONGEST = 2048  # bytes; more than any codec accepts

T = TypeVar("T")


def dial(gateway: Gateway, port: int) -> socket.socket:
    """A socket to one port of the gateway, from this device's own address.

    It is connected, so that the kernel gives us only what comes from that address and port, and tells us at once when
    nobody listens there.

    Raises:
        OSError: there is no way there, or the own address has gone.
    """
    family = socket.AF_INET6 if ":" in gateway.address else socket.AF_INET
    dialled = socket.socket(family, socket.SOCK_DGRAM)
    try:
        dialled.setblocking(False)
        if family == socket.AF_INET6:
            dialled.bind((gateway.own, 0))
            dialled.connect((gateway.address, port, 0, gateway.interface))
        else:
            dialled.bind((gateway.own, 0))
            dialled.connect((gateway.address, port))
    except BaseException:
        dialled.close()
        raise
    return dialled


def ask(dialled: socket.socket, request: bytes, understand: Callable[[bytes], T], patience: Patience) -> T | None:
    """Ask until there is an answer.

    Args:
        dialled: a connected socket.
        request: the datagram.
        understand: the codec; what it raises DamagedAnswer for is passed over.
        patience: how long this may take at most.

    Returns:
        The answer, or None: nobody listens there, or nobody answered.
    """
    for wait in WAITS:
        turn = patience.at_most(wait)
        try:
            dialled.send(request)
            while left := turn.left():
                ready, _, _ = select.select([dialled], [], [], left)
                if ready:
                    with suppress(DamagedAnswer):
                        return understand(dialled.recv(LONGEST))
        except OSError:
            # Connection refused: nobody listens. Anything else, such as a missing way, is no better.
            return None
    return None
