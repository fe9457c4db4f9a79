"""The home's address as the outside sees it, and where a name leads."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import gevent

from appliance.clock import since_boot
from appliance.page.porch import porch
from appliance.status import name, router

# Seconds for the DNS: somebody waits before a form.
LOOKUP_TAKES = 6.0


def outer_address() -> str:
    """The home's outer address, as router or name service found it; empty when neither knows it yet."""
    paths, now = porch().paths, since_boot()
    asked, named = router.read(paths.router_status, now), name.read(paths.name_status, now)
    known = (asked.seen if asked else "", named.address if named else "", asked.outer if asked else "")
    return next((one for one in known if one and is_public(one)), "")


def is_public(address: str) -> bool:
    """Whether people everywhere can be told this address."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def addresses_of(domain: str, lookup: Callable[..., Any] = socket.getaddrinfo) -> tuple[str, ...]:
    """Where a name leads now. Other requests go on meanwhile.

    Args:
        domain: a name.
        lookup: as ``socket.getaddrinfo``.

    Returns:
        The addresses; none when the name is not known, or when the DNS took too long.
    """
    found: list[str] = []
    with gevent.Timeout(LOOKUP_TAKES, False):
        found += gevent.get_hub().threadpool.apply(_look_up, (domain, lookup))
    return tuple(found)


def _look_up(domain: str, lookup: Callable[..., Any]) -> tuple[str, ...]:
    # Caught here: gevent prints what a thread of its pool lets through.
    try:
        found = lookup(domain, None, 0, socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
