"""What is said to an Internet gateway device (UPnP IGD), by miniupnpc; runs in a child process (``by_igd.py``).

Source: WANIPConnection:1 and :2 of the UPnP Forum, sections 2.4.16 to 2.4.20 and the error codes there.
"""

import ipaddress
from contextlib import suppress
from typing import Any, Protocol

from appliance.network.verdict import PortState
from appliance.router.ssdp import on_gateway

# Seconds. WANIPConnection:2 recommends an hour; renewed when half of it is over.
LEASE = 3600
PERMANENT = 0
PROTOCOL = "TCP"
# How the router's own list calls the mapping.
DESCRIPTION = "porchlight"

# miniupnpc 2.2's words for the codes 718, 725, 402 and 501; it tells no numbers.
CONFLICT = ("ConflictInMappingEntry", "ConflictWithOtherMechanisms")
ONLY_PERMANENT = ("OnlyPermanentLeasesSupported", "Invalid Args")
FAILED = ("Action Failed",)

# Another host's address, its port, the description, whether it is switched on, seconds left.
Entry = tuple[str, int, str, bool, int]


class Device(Protocol):
    """What is used of ``miniupnpc.UPnP``; each call raises Exception with the router's refusal."""

    def externalipaddress(self) -> str:
        """The router's outer address."""

    def getspecificportmapping(self, port: int, protocol: str, /) -> Entry | None:
        """The mapping of a port, None for none."""

    def addportmapping(
        self, port: int, protocol: str, host: str, inner: int, about: str, whom: str, lease: int, /
    ) -> bool:
        """Map a port to a host."""

    def deleteportmapping(self, port: int, protocol: str, /) -> bool:
        """Take a mapping away."""


def open_ports(url: str, gateway: str, own: str, ports: tuple[int, ...], former: str = "") -> dict[str, Any]:
    """Look at each port, and map it if it is free or ours.

    Args:
        url: of the device's description.
        gateway: its IPv4 address.
        own: this device's IPv4 address.
        ports: TCP ports.
        former: the address that this device had before, whose mappings are ours too; empty for none.

    Returns:
        ``outer``: the router's outer address or an empty text; ``ports``: a PortState for each; ``failed``: whether it
        could not do what it did not refuse, as routers without an outer address of use answer.
    """
    device = _device(url, gateway)
    outer = _outer(device)
    results = {port: open_port(device, own, port, former) for port in ports}
    return {
        "outer": outer,
        "ports": {str(port): state.value for port, (state, _) in results.items()},
        "failed": any(failed for _, failed in results.values()),
    }


def close_ports(url: str, gateway: str, own: str, ports: tuple[int, ...]) -> list[int]:
    """Take the mappings of these ports away that are ours; returns the ports that are not mapped to us any more."""
    device = _device(url, gateway)
    return [port for port in ports if close_port(device, own, port)]


def open_port(device: Device, own: str, port: int, former: str = "") -> tuple[PortState, bool]:
    """Look at one port, and map it if it is free or ours; see ``open_ports``."""
    entry = device.getspecificportmapping(port, PROTOCOL)
    if entry and former and is_ours(entry, former, port) and entry[2] == DESCRIPTION:
        with suppress(Exception):
            # A router that lets nobody delete what leads elsewhere refuses; then the port is taken for now.
            device.deleteportmapping(port, PROTOCOL)
        entry = device.getspecificportmapping(port, PROTOCOL)
    if entry and not is_ours(entry, own, port):
        return PortState.TAKEN, False
    if entry and is_fresh(entry):
        return PortState.MAPPED, False
    refusal = _add(device, own, port, LEASE)
    if refusal in ONLY_PERMANENT:
        refusal = _add(device, own, port, PERMANENT)
    if refusal:
        return (PortState.TAKEN if refusal in CONFLICT else PortState.REFUSED), refusal in FAILED
    # Some routers say yes and leave the other's mapping as it was.
    entry = device.getspecificportmapping(port, PROTOCOL)
    return (PortState.TAKEN if entry and not is_ours(entry, own, port) else PortState.MAPPED), False


def close_port(device: Device, own: str, port: int) -> bool:
    """Take one mapping away if it is ours; whether none of ours is left."""
    entry = device.getspecificportmapping(port, PROTOCOL)
    if entry and is_ours(entry, own, port):
        try:
            device.deleteportmapping(port, PROTOCOL)
        except Exception:
            return False
    return True


def is_ours(entry: Entry, own: str, port: int) -> bool:
    """Whether a mapping leads to this device's same port."""
    return entry[0] == own and entry[1] == port


def is_fresh(entry: Entry) -> bool:
    """Whether a mapping of ours needs no renewal yet."""
    _host, _port, _about, enabled, left = entry
    return enabled and (left == PERMANENT or left > LEASE / 2)


def _add(device: Device, own: str, port: int, lease: int) -> str:
    """Map a port; returns the router's refusal in miniupnpc's words, empty for none."""
    try:
        device.addportmapping(port, PROTOCOL, own, port, DESCRIPTION, "", lease)
    except Exception as error:
        # miniupnpc raises nothing more exact.
        return str(error) or "UnknownError"
    return ""


def _outer(device: Device) -> str:
    try:
        return str(ipaddress.IPv4Address(device.externalipaddress()))
    except Exception:
        # It refused, or said something that is no address, such as an empty text.
        return ""


def _device(url: str, gateway: str) -> Device:
    """The device whose description is at that URL.

    Raises:
        Exception: there is none, or its description leads away from the gateway.
    """
    import miniupnpc

    device = miniupnpc.UPnP()
    on_gateway(device.selectigd(url), gateway)
    found: Device = device
    return found
