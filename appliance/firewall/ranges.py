"""Addresses that are nobody's on the internet, as nftables writes them. No input or output.

The relay's own rule (``appliance.relay.destination``) decides address by address with Python's ``ipaddress``; a
firewall needs ranges. ``tests/firewall/test_ranges.py`` holds the two against each other.
"""

import ipaddress
from collections.abc import Iterable

from appliance.network.home import Network

# IANA's special-purpose registries (RFC 6890 and its updates), and everything from multicast on.
NOT_PUBLIC_IPV4 = tuple(
    ipaddress.IPv4Network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# What is given to homes and providers (2000::/3), and the way to IPv4 where there is only IPv6 (RFC 6052); all else is
# local, multicast or nobody's.
PUBLIC_IPV6 = tuple(ipaddress.IPv6Network(one) for one in ("2000::/3", "64:ff9b::/96"))
# Within those: documentation, benchmarks, ORCHID, and the mechanisms in which an IPv4 address hides (Teredo, 6to4).
NOT_PUBLIC_IPV6 = tuple(
    ipaddress.IPv6Network(one)
    for one in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        # RFC 6052's prefix with an IPv4 range in it that is not public.
        *(f"64:ff9b::{one.network_address}/{96 + one.prefixlen}" for one in NOT_PUBLIC_IPV4),
    )
)


def ranges(networks: Iterable[Network], version: int) -> str:
    """The networks of one version as a set of nftables, none of them twice and none within another; empty for none.

    Args:
        networks: of both versions.
        version: 4 or 6.
    """
    chosen = [one for one in networks if one.version == version]
    if not chosen:
        return ""
    joined = ipaddress.collapse_addresses(chosen)  # type: ignore[type-var]  # all are of one version
    return "{ " + ", ".join(str(one) for one in joined) + " }"


def ports(numbers: Iterable[int]) -> str:
    """Port numbers as a set of nftables; empty for none."""
    chosen = sorted(set(numbers))
    return "{ " + ", ".join(str(one) for one in chosen) + " }" if chosen else ""
