"""The ranges beside the relay's own rule, which decides address by address."""

import ipaddress
import random

import pytest

from appliance.firewall.ranges import NOT_PUBLIC_IPV4, NOT_PUBLIC_IPV6, PUBLIC_IPV6, ports, ranges
from appliance.network.home import HOMELY, Address
from appliance.relay.destination import is_allowed
from tests.lint.sources import ROOT

FUZZ = 20_000


def public(address: Address) -> bool:
    """Whether the firewall would let the relay go there."""
    if address.version == 4:
        return not any(address in one for one in NOT_PUBLIC_IPV4)
    return any(address in one for one in PUBLIC_IPV6) and not any(address in one for one in NOT_PUBLIC_IPV6)


def edges() -> list[Address]:
    """The first and the last address of each range, and their neighbours outside."""
    found: list[Address] = []
    for network in (*NOT_PUBLIC_IPV4, *NOT_PUBLIC_IPV6, *PUBLIC_IPV6, *HOMELY):
        first, last = int(network.network_address), int(network.broadcast_address)
        kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
        found += [
            kind(one)
            for one in (first - 1, first, last, last + 1)
            if 0 <= one <= int(kind(-1 % 2 ** kind(0).max_prefixlen))
        ]
    return found


def anywhere() -> list[Address]:
    """Addresses of all kinds; the same in each run."""
    dice = random.Random(7)  # noqa: S311
    found: list[Address] = [ipaddress.IPv4Address(dice.getrandbits(32)) for _ in range(FUZZ)]
    for network in (*PUBLIC_IPV6, *NOT_PUBLIC_IPV6, ipaddress.IPv6Network("::/0")):
        rest = 128 - network.prefixlen
        for _ in range(FUZZ // 20):
            found.append(ipaddress.IPv6Address(int(network.network_address) | dice.getrandbits(rest)))
    return found


@pytest.mark.costly
def test_whatever_the_relay_refuses_the_firewall_refuses_too() -> None:
    wrong = [one for one in (*edges(), *anywhere()) if public(one) and not is_allowed(one, (), allow_private=False)]
    assert wrong == []


@pytest.mark.costly
def test_nearly_all_that_is_on_the_internet_is_reached() -> None:
    """What the firewall refuses beyond that is deprecated or nobody's."""
    refused = [one for one in anywhere() if is_allowed(one, (), allow_private=False) and not public(one)]
    assert {str(one) for one in refused if one.version == 4} == set()
    beyond = [ipaddress.ip_network(one) for one in ("2001::/23", "2002::/16", "3fff::/20")]
    assert [
        one for one in refused if one in ipaddress.ip_network("2000::/3") and not any(one in two for two in beyond)
    ] == []


@pytest.mark.parametrize(
    "address", ["157.240.0.60", "31.13.72.53", "2a03:2880:f2ff:c1:face:b00c:0:7260", "64:ff9b::9df0:3c"]
)
def test_whatsapp_is_reached(address: str) -> None:
    assert public(ipaddress.ip_address(address))


def test_the_page_s_unit_knows_the_same_home() -> None:
    unit = (ROOT / "image/files/usr/lib/systemd/system/porchlight-page.service").read_text()
    line = next(one for one in unit.splitlines() if one.startswith("IPAddressAllow="))
    words = set(line.partition("=")[2].split())
    # systemd.resource-control(5): what its two words stand for.
    assert {"localhost", "link-local"} <= words
    named = {*words - {"localhost", "link-local"}, "169.254.0.0/16", "fe80::/10"}
    assert named == {str(one) for one in HOMELY}


def test_sets_have_no_overlap() -> None:
    networks = [ipaddress.ip_network(one) for one in ("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8", "fd00::/8")]
    assert ranges(networks, 4) == "{ 10.0.0.0/8 }"
    assert ranges(networks, 6) == "{ fd00::/8 }"
    assert ranges(networks[:1], 6) == ""
    assert ports((443, 80, 443)) == "{ 80, 443 }"
    assert ports(()) == ""
