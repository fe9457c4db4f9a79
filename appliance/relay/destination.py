"""Which addresses the relay may connect to. No input or output.

A forged name lookup must not turn the relay against the volunteer's own network, so only addresses of the public
Internet count, and never the home's own: of this device, those under which the home is seen outside, where many routers
show their own login to whoever comes from inside, and the other devices' global IPv6 addresses.
"""

import ipaddress
from collections.abc import Collection

from appliance.network.home import Address, delegated

# RFC 6052 section 2.1: an IPv4 address in the last 32 bits, reached through a NAT64.
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_allowed(address: Address, own: Collection[Address], *, allow_private: bool) -> bool:
    """Whether the relay may connect to an address that a name lookup gave.

    Args:
        address: the answer.
        own: this device's addresses, and its home's outer ones, as far as they are known.
        allow_private: the setting for tests and labs, which lifts the rule.
    """
    if allow_private:
        return not address.is_multicast and not address.is_unspecified
    led_to = (address, *_embedded(address))
    return all(one.is_global and not one.is_multicast and not _is_at_home(one, own) for one in led_to)


def _is_at_home(address: Address, own: Collection[Address]) -> bool:
    """Whether an address is one of the home's own, or within what a provider has delegated to it."""
    return any(address in delegated(ipaddress.ip_network(one)) for one in own if one.version == address.version)


def _embedded(address: Address) -> tuple[ipaddress.IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address leads to by one of the transition mechanisms."""
    if isinstance(address, ipaddress.IPv4Address):
        return ()
    found = [address.ipv4_mapped, address.sixtofour]
    found += address.teredo or ()
    if address in NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(one for one in found if one is not None)
