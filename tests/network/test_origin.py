"""Who is evidence that the relay can be reached from outside."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.network.home import Home
from appliance.network.origin import Origin, origin

HOME = Home(
    (ip_address("192.168.77.50"), ip_address("2001:db8:7:1::50"), ip_address("fe80::50")),
    (ip_network("192.168.77.0/24"), ip_network("2001:db8:7:1::/64"), ip_network("fe80::/64")),
    (ip_address("192.168.77.1"), ip_address("fe80::1")),
)
OWN = ("198.51.100.7",)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("203.0.113.9", Origin.OUTSIDE),
        ("::ffff:203.0.113.9", Origin.OUTSIDE),
        ("2001:db8:9::1", Origin.OUTSIDE),
        ("192.168.77.1", Origin.ROUTER),
        ("::ffff:192.168.77.1", Origin.ROUTER),
        ("fe80::1%eth0", Origin.ROUTER),
        ("192.168.77.2", Origin.INSIDE),
        # The setup page takes this one for a stranger's, to be safe; as evidence it would be a lie.
        ("2001:db8:7:1::99", Origin.INSIDE),
        ("192.168.77.50", Origin.INSIDE),
        ("127.0.0.1", Origin.INSIDE),
        ("::1", Origin.INSIDE),
        ("::ffff:127.0.0.1", Origin.INSIDE),
        ("fe80::2%eth0", Origin.INSIDE),
        # Between two routers, within a provider's network, without an address.
        ("192.168.1.20", Origin.INSIDE),
        ("10.1.2.3", Origin.INSIDE),
        ("100.64.3.4", Origin.INSIDE),
        ("169.254.1.1", Origin.INSIDE),
        ("fd00::5", Origin.INSIDE),
        ("0.0.0.0", Origin.INSIDE),
        ("ff02::1", Origin.INSIDE),
        # Let in by the outer name, from the Wi-Fi at home.
        ("198.51.100.7", Origin.INSIDE),
        ("", Origin.INSIDE),
        ("unknown", Origin.INSIDE),
    ],
)
def test_only_what_cannot_be_at_home_counts(peer: str, expected: Origin) -> None:
    assert origin(peer, HOME, OWN) is expected
    assert origin(peer, HOME, OWN).counts is (expected is not Origin.INSIDE)


def test_without_a_network_strangers_are_strangers_all_the_same() -> None:
    nowhere = Home((), (), ())
    assert origin("203.0.113.9", nowhere) is Origin.OUTSIDE
    assert origin("192.168.77.1", nowhere) is Origin.INSIDE


@given(st.ip_addresses(network="192.168.77.0/24").filter(lambda one: str(one) != "192.168.77.1"))
def test_nobody_of_the_home_is_outside(peer: object) -> None:
    assert origin(str(peer), HOME) is Origin.INSIDE


@given(st.text(max_size=40))
def test_what_is_no_address_proves_nothing(peer: str) -> None:
    assert origin(peer, HOME) in Origin
