"""Where a peer comes from, as far as its address tells: the evidence that a relay can be reached. No input or output.

Nobody but the outside can vouch for a relay, so an address counts only if it cannot be the home's own. Two of these
answers are the router's doing and cannot be told apart here: a router that masquerades what it lets in passes every
stranger on under its own address, and one that lets people at home in by the outer name (hairpin) often does the same
with them. So the router's address is an answer of its own.
"""

import ipaddress
from collections.abc import Iterable
from enum import StrEnum

from appliance.network.home import Address, Home, is_homely


class Origin(StrEnum):
    """Where a peer comes from."""

    INSIDE = "inside"
    ROUTER = "router"
    OUTSIDE = "outside"

    @property
    def counts(self) -> bool:
        """Whether it is evidence that the relay was reached from outside."""
        return self is not Origin.INSIDE


def origin(peer: str, home: Home, own: Iterable[str] = ()) -> Origin:
    """Where a peer comes from; what is no address is inside, since it proves nothing.

    This is not the rule by which the setup page lets somebody in (``Home.is_inside``): that one takes a public
    address for a stranger's to be safe, and this one takes it for the home's to be honest.

    Args:
        peer: the address that the connection comes from; a zone such as ``%eth0`` is ignored.
        home: the home network.
        own: the home's outer addresses, where they are known: a router that lets people at home in by the outer name
            may show them under it.
    """
    try:
        address: Address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return Origin.INSIDE
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address in home.gateways:
        return Origin.ROUTER
    known = address.is_loopback or address in home.addresses or str(address) in own
    # Behind two routers, somebody between them has a private address, and is not outside.
    within = is_homely(address) or any(
        address in network for network in home.prefixes if network.version == address.version
    )
    return Origin.INSIDE if known or within or address.is_unspecified or address.is_multicast else Origin.OUTSIDE
