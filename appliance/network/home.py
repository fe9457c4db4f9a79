"""The home network: which addresses this device has there, and who counts as being inside."""

import ipaddress
from dataclasses import dataclass

import netifaces

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Who can be at home: what no router of the internet carries (RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291).
HOMELY = tuple(
    ipaddress.ip_network(one)
    for one in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
# Bits. What providers delegate to a home, or more (RIPE-690); a cable there has a /64 of it.
DELEGATED = 56


@dataclass(frozen=True, slots=True)
class Home:
    """The home network as this device sees it.

    Args:
        addresses: this device's own addresses, loopback left out.
        prefixes: the networks that these addresses stand in.
        gateways: the default gateways' addresses.
    """

    addresses: tuple[Address, ...]
    prefixes: tuple[Network, ...]
    gateways: tuple[Address, ...]

    @property
    def connected(self) -> bool:
        """Whether there is an address and a way out."""
        return bool(self.addresses and self.gateways)

    @property
    def typed(self) -> tuple[Address, ...]:
        """By which of its own addresses a person at home can be told to come: those of IPv4 that are private."""
        return tuple(one for one in self.addresses if one.version == 4 and is_homely(one))

    @property
    def neighbourhood(self) -> tuple[Network, ...]:
        """The prefixes in which somebody is at home: those within ``HOMELY``, in which no stranger has an address."""
        return tuple(one for one in self.prefixes if any(_within(one, other) for other in HOMELY))

    def is_inside(self, peer: str, *, allow_gateway: bool = False) -> bool:
        """Whether a peer's address is one of the home network.

        The gateway counts as outside: a router that masquerades forwarded connections lets every stranger
        appear under its own address. A public address counts as outside too, of IPv4 as of IPv6, although this
        device may have one beside it: a prefix of that kind can be reached from everywhere. Loopback is inside.

        Args:
            peer: the address that ``accept`` or ``getpeername`` gave; a zone such as ``%eth0`` is ignored.
            allow_gateway: what the setting ``page.allow_gateway`` says.
        """
        try:
            address: Address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if address.is_loopback:
            return True
        if address in self.gateways and not allow_gateway:
            return False
        return any(address in prefix for prefix in self.neighbourhood if prefix.version == address.version)


def is_homely(address: Address) -> bool:
    """Whether an address can be one at home, and nobody's on the internet.

    Args:
        address: any.
    """
    return any(address in one for one in HOMELY if one.version == address.version)


def look() -> Home:
    """Ask the kernel, by netifaces, what the home network looks like now.

    Interfaces without a link keep no addresses under networkd, so an address means a cable or a Wi-Fi network.
    """
    addresses: list[Address] = []
    prefixes: list[Network] = []
    for interface in netifaces.interfaces():
        try:
            families = netifaces.ifaddresses(interface)
        except ValueError:
            # The interface went away between the two calls.
            continue
        for family in (netifaces.AF_INET, netifaces.AF_INET6):
            for entry in families.get(family, ()):
                _add(entry, addresses, prefixes)
    gateways = [
        ipaddress.ip_address(gateway[0].partition("%")[0])
        for family in (netifaces.AF_INET, netifaces.AF_INET6)
        for gateway in netifaces.gateways().get(family, ())
    ]
    return Home(tuple(addresses), tuple(dict.fromkeys(prefixes)), tuple(dict.fromkeys(gateways)))


def delegated(network: Network) -> Network:
    """What a home has of the internet, of which a network is a part: for global IPv6 a /56, else the network itself.

    Args:
        network: one that the device stands in, or one address of its home.
    """
    if isinstance(network, ipaddress.IPv6Network) and network.is_global and network.prefixlen > DELEGATED:
        return network.supernet(new_prefix=DELEGATED)
    return network


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # the same version


def _add(entry: dict[str, str], addresses: list[Address], prefixes: list[Network]) -> None:
    text = entry.get("addr", "").partition("%")[0]
    if not text:
        return
    address = ipaddress.ip_address(text)
    if address.is_loopback:
        return
    # netifaces writes an IPv6 netmask as "ffff:ffff::/64" and an IPv4 one as "255.255.255.0".
    mask = entry.get("netmask", "")
    length = mask.rpartition("/")[2] if "/" in mask else mask
    if address.version == 6 and not length.isdigit():
        length = "64"
    addresses.append(address)
    prefixes.append(ipaddress.ip_network(f"{text}/{length or address.max_prefixlen}", strict=False))
