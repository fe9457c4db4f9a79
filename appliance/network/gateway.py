"""The way out: the default gateway and this device's own address towards it, as the kernel would choose them."""

import ipaddress
import socket
from dataclasses import dataclass

import netifaces

# "discard": nothing is sent, the kernel only chooses the way.
ANY_PORT = 9


@dataclass(frozen=True, slots=True)
class Gateway:
    """One default gateway.

    Args:
        address: the gateway's own address; link-local with IPv6, as a rule.
        own: this device's address towards it; with IPv6 the one that is valid everywhere.
        interface: the network interface's number, which a link-local address needs (RFC 4007).
    """

    address: str
    own: str
    interface: int = 0


def find_ipv4() -> Gateway | None:
    """The gateway for IPv4, or None when there is none."""
    return _first(netifaces.AF_INET)


def find_ipv6() -> Gateway | None:
    """The gateway for IPv6, or None when there is none or this device has no address that is valid everywhere."""
    return _first(netifaces.AF_INET6)


def _first(family: int) -> Gateway | None:
    # netifaces keeps the default ones' first: that of the least metric.
    for entry in netifaces.gateways().get(family, ()):
        address = entry[0].partition("%")[0]
        try:
            interface = socket.if_nametoindex(entry[1])
        except OSError:
            # It went away between the two calls.
            continue
        own = _own_ipv4(address) if family == netifaces.AF_INET else _own_ipv6(entry[1])
        if own:
            return Gateway(address, own, interface)
    return None


def _own_ipv4(gateway: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.connect((gateway, ANY_PORT))
        except OSError:
            return ""
        own = ipaddress.IPv4Address(trial.getsockname()[0])
    # A device that got no address from the router takes one of these (RFC 3927), and nobody answers it.
    return "" if own.is_link_local else str(own)


def _own_ipv6(interface: str) -> str:
    try:
        addresses = netifaces.ifaddresses(interface).get(netifaces.AF_INET6, ())
    except ValueError:
        # The interface went away between the two calls.
        return ""
    for entry in addresses:
        address = ipaddress.IPv6Address(entry["addr"].partition("%")[0])
        if address.is_global:
            return str(address)
    return ""
