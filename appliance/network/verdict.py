"""Can people outside come in? What the router and the outside say, added up to one verdict. No input or output.

The words for each verdict stand in ``appliance/network/advice.py``, the way that the facts are found in
``appliance/router/`` (docs/router.md).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# Carrier-grade NAT (RFC 6598), and what a home behind DS-Lite has instead of an address (RFC 6333, RFC 7335).
SHARED = (ipaddress.IPv4Network("100.64.0.0/10"), ipaddress.IPv4Network("192.0.0.0/24"))


class Verdict(StrEnum):
    """How reachable this home is."""

    # The owner has not said that ports may be opened.
    OFF = "off"
    LOOKING = "looking"
    # Nothing stands between this device and the outside.
    OPEN = "open"
    MAPPED = "mapped"
    # Behind this home's router is another one.
    DOUBLE_NAT = "double-nat"
    # The provider lets many homes share one address.
    CGNAT = "cgnat"
    IPV6_ONLY = "ipv6-only"
    # Another device at home holds a port.
    PORT_TAKEN = "port-taken"
    # The router does not open ports when asked.
    NO_ANSWER = "no-answer"


class PortState(StrEnum):
    """What became of one port."""

    ASKING = "asking"
    # No router stands in the way, so nobody had to be asked.
    OPEN = "open"
    MAPPED = "mapped"
    TAKEN = "taken"
    REFUSED = "refused"
    # Asked for by the owner, and never opened by porchlight (appliance/router/rule.py).
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the verdict depends on.

    Args:
        wanted: whether the owner wants ports to be opened.
        finished: whether the router and the outside have been asked.
        own: this device's IPv4 address towards the router; empty without one.
        global_ipv6: whether it has an IPv6 address that is valid everywhere, and a router for it.
        outer: the router's outer IPv4 address, as the router says; empty if unknown.
        seen: the IPv4 address that the outside sees; empty if unknown.
        beyond: the address of the next router behind this home's one; empty if unknown.
        no_outer: whether the router refused because it has no outer address that would be of use.
        ports: what became of each port that is to be open.
    """

    wanted: bool = True
    finished: bool = True
    own: str = ""
    global_ipv6: bool = False
    outer: str = ""
    seen: str = ""
    beyond: str = ""
    no_outer: bool = False
    ports: Mapping[int, PortState] = field(default_factory=dict)


def verdict_of(facts: Facts) -> Verdict:
    """The one verdict that the facts add up to.

    An outer address that nobody outside can reach comes before everything that the router says about ports: it would
    open them all, to no avail.
    """
    if not facts.wanted:
        return Verdict.OFF
    if not facts.own and facts.global_ipv6:
        return Verdict.IPV6_ONLY
    if not facts.own:
        return Verdict.LOOKING
    if is_public(facts.own) or not facts.ports:
        return Verdict.OPEN
    if not facts.finished:
        return Verdict.LOOKING
    if hidden := _hidden_behind(facts):
        return hidden
    states = set(facts.ports.values())
    if PortState.TAKEN in states:
        return Verdict.PORT_TAKEN
    return Verdict.MAPPED if states == {PortState.MAPPED} else Verdict.NO_ANSWER


def _hidden_behind(facts: Facts) -> Verdict | None:
    """What stands behind the router, as far as its outer address tells."""
    if facts.outer:
        if is_shared(facts.outer):
            return Verdict.CGNAT
        if not is_public(facts.outer):
            return Verdict.DOUBLE_NAT
        # A public address that is not the one seen from outside: the provider translates once more.
        return Verdict.CGNAT if facts.seen and facts.seen != facts.outer else None
    if facts.no_outer and facts.beyond:
        # The next router's address alone proves nothing: providers use such ones within their own networks too.
        if is_shared(facts.beyond):
            return Verdict.CGNAT
        if not is_public(facts.beyond):
            return Verdict.DOUBLE_NAT
    return None


def is_shared(address: str) -> bool:
    """Whether an IPv4 address is one that a provider gives to homes that share a public one."""
    return any(ipaddress.ip_address(address) in network for network in SHARED)


def is_public(address: str) -> bool:
    """Whether an address is valid everywhere."""
    return ipaddress.ip_address(address).is_global
