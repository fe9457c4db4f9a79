"""What is seen of the home from outside, what stands behind the router, and where the router's own page is.

All of it runs in a child process (``aside.py``), since it looks names up.
"""

import os
import select
import socket
import struct
import time
from contextlib import suppress
from typing import Any

from appliance.router import stun
from appliance.router.damaged import DamagedAnswer
from appliance.settings.kinds import split_host_port

# Seconds until a server is asked again, and then given up for the next one.
WAITS = (0.5, 1.0)
# Seconds for the router's page to accept a connection, and for the next router to say that a datagram was too old.
PAGE_WAIT = 0.5
BEYOND_WAIT = 0.7
PAGES = ((80, "http"), (443, "https"))
# Hops: the gateway passes it on, and the next router drops it and says so (RFC 792).
BEYOND = 2

# linux/in.h and linux/errqueue.h; Python 3.11 does not have them.
IP_RECVERR = 11
MSG_ERRQUEUE = 0x2000
SO_EE_ORIGIN_ICMP = 2
ICMP_TIME_EXCEEDED = 11
# struct sock_extended_err (errno, origin, type, code, pad, info, data), then the sockaddr_in of who complained.
COMPLAINT = struct.Struct("=IBBBxIIHH4s")


def look_outside(servers: tuple[str, ...], own: str) -> dict[str, Any]:
    """Ask the first server that answers how it sees us, and who is behind the router.

    Args:
        servers: ``host:port`` of STUN servers.
        own: this device's IPv4 address towards the router.

    Returns:
        ``seen`` and ``beyond``, IPv4 addresses or empty texts.
    """
    seen = beyond = ""
    for server in servers:
        with suppress(OSError, ValueError):
            host, port = split_host_port(server)
            for *_, address in socket.getaddrinfo(host, port, socket.AF_INET, socket.SOCK_DGRAM)[:1]:
                beyond = beyond or next_router(address[:2], own)
                seen = address_seen(address[:2], own)
        if seen:
            break
    return {"seen": seen, "beyond": beyond}


def address_seen(server: tuple[Any, ...], own: str) -> str:
    """The address under which a STUN server sees us; empty when it does not answer.

    Raises:
        OSError: there is no way there.
    """
    transaction = os.urandom(stun.TRANSACTION)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((own, 0))
        asking.connect(server)
        for wait in WAITS:
            asking.send(stun.request(transaction))
            until = time.monotonic() + wait
            while (left := until - time.monotonic()) > 0:
                asking.settimeout(left)
                with suppress(TimeoutError, DamagedAnswer):
                    return stun.understand(asking.recv(stun.LONGEST + 1), transaction)
    return ""


def next_router(server: tuple[Any, ...], own: str) -> str:
    """The address of the router behind the gateway, from its complaint about a datagram that it had to drop.

    Nothing reaches the server. Needs no privilege (ip(7), IP_RECVERR).

    Raises:
        OSError: there is no way there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((own, 0))
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, BEYOND)
        asking.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        asking.sendto(stun.request(os.urandom(stun.TRANSACTION)), server)
        # select reports a waiting complaint as an exceptional condition or as readable, by kernel.
        waiting = select.poll()
        waiting.register(asking, select.POLLERR)
        if not waiting.poll(BEYOND_WAIT * 1000):
            return ""
        _data, extras, _flags, _sender = asking.recvmsg(0, 512, MSG_ERRQUEUE)
    for level, kind, content in extras:
        if (level, kind) == (socket.IPPROTO_IP, IP_RECVERR) and len(content) >= COMPLAINT.size:
            _errno, origin, what, _code, _info, _more, family, _port, address = COMPLAINT.unpack_from(content)
            if (origin, what, family) == (SO_EE_ORIGIN_ICMP, ICMP_TIME_EXCEEDED, socket.AF_INET):
                return socket.inet_ntoa(address)
    return ""


def page_of(gateway: str) -> str:
    """The link to the router's own page: whichever of the usual ports accepts a connection; empty for none."""
    for port, scheme in PAGES:
        with suppress(OSError), socket.create_connection((gateway, port), PAGE_WAIT):
            return f"{scheme}://{gateway}/"
    return ""
