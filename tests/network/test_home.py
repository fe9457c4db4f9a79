"""Who is at home, and who is taken for a stranger."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.network.home import Home

# As a card can have them all at once: its own at home, and public ones beside them.
PREFIXES = (
    *("192.168.77.0/24", "100.64.7.0/24", "169.254.0.0/16", "fd77::/64", "fe80::/64"),
    *("80.1.2.0/24", "2a01:4f8:77::/64", "2002:5001:214::/64"),
)
HOME = Home((), tuple(map(ip_network, PREFIXES)), tuple(map(ip_address, ("192.168.77.1", "80.1.2.1", "fe80::1"))))


@pytest.mark.parametrize(
    ("peer", "inside"),
    [
        ("192.168.77.2", True),
        ("::ffff:192.168.77.2", True),
        ("100.64.7.2", True),
        ("169.254.3.4", True),
        ("fd77::2", True),
        ("fe80::2%eth0", True),
        ("127.0.0.1", True),
        ("::1", True),
        # Next to one of the card's own public addresses, as anybody can be.
        ("80.1.2.7", False),
        ("::ffff:80.1.2.7", False),
        ("2a01:4f8:77::2", False),
        ("2002:5001:214::2", False),
        # A router may show strangers under its own.
        ("192.168.77.1", False),
        ("80.1.2.1", False),
        ("fe80::1%eth0", False),
        # Private, and elsewhere.
        ("192.168.78.2", False),
        ("10.1.2.3", False),
        ("100.64.8.2", False),
        ("fd78::2", False),
        ("80.200.0.9", False),
        ("0.0.0.0", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_who_is_at_home(peer: str, inside: bool) -> None:
    assert HOME.is_inside(peer) is inside


def test_the_gateway_is_let_in_by_a_private_address_alone() -> None:
    assert HOME.is_inside("192.168.77.1", allow_gateway=True)
    assert not HOME.is_inside("80.1.2.1", allow_gateway=True)


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "8.0.0.0/6", "192.0.0.0/8", "192.0.2.0/24", "::/0", "2001:db8::/32"])
def test_where_somebody_else_could_have_an_address_nobody_is_at_home(prefix: str) -> None:
    """Whatever a neighbour's DHCP server has said, and in ranges of documents (RFC 5737, RFC 3849) neither."""
    home = Home((), (ip_network(prefix),), ())
    for peer in ("80.1.2.7", "10.1.2.3", "192.168.1.2", "192.0.2.7", "2a01:4f8::7", "2001:db8::7", "fd00::7"):
        assert not home.is_inside(peer)


def test_a_person_is_told_no_address_at_which_the_page_is_shut() -> None:
    own = tuple(map(ip_address, ("80.1.2.20", "192.168.77.50", "fd77::50", "2a01:4f8:77::50", "fe80::50")))
    assert Home(own, (), ()).typed == (ip_address("192.168.77.50"),)


@given(st.ip_addresses())
def test_no_public_address_is_at_home_whatever_the_prefixes_are(peer: object) -> None:
    address = ip_address(str(peer))
    around = (ip_network(f"{peer}/24", strict=False), ip_network(f"{peer}/{address.max_prefixlen}"))
    if address.is_global:
        assert not Home((), around, ()).is_inside(str(peer))
