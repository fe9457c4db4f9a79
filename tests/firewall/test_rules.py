"""The rules as text: what holds for any settings, and for homes that nobody would make."""

import ipaddress
import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as some

from appliance.firewall.rules import TABLE, rules, web_addresses
from appliance.network.home import Home
from appliance.settings.declared import CertificateSettings, NameSettings, PageSettings, RelaySettings, Settings
from tests.lint.sources import ROOT

PORTS = some.integers(1, 65535)
NETWORKS = some.one_of(
    some.ip_addresses(v=4).flatmap(lambda one: some.integers(0, 32).map(lambda bits: f"{one}/{bits}")),
    some.ip_addresses(v=6).flatmap(lambda one: some.integers(0, 128).map(lambda bits: f"{one}/{bits}")),
).map(lambda one: ipaddress.ip_network(one, strict=False))
HOMES = some.builds(
    Home,
    addresses=some.just(()),
    prefixes=some.lists(NETWORKS, max_size=4).map(tuple),
    gateways=some.lists(some.ip_addresses(), max_size=3).map(tuple),
)


def refused(script: str) -> str:
    """What nftables says about a script, without doing it; empty when it is right."""
    command = ["unshare", "--net", "nft", "--check", "-f", "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False).stderr


def test_the_card_brings_the_rules_for_its_defaults() -> None:
    brought = (ROOT / "image/files/usr/lib/porchlight/firewall.nft").read_text()
    assert brought == rules(Settings(), None), "run: python3 -m appliance.firewall --base > that file"


@pytest.mark.costly
@pytest.mark.namespaces
@how(max_examples=40)
@given(
    home=some.one_of(some.none(), HOMES),
    ports=some.lists(PORTS, max_size=5, unique=True).map(tuple),
    page=PORTS,
    open_to_gateway=some.booleans(),
)
def test_nftables_understands_them_whatever_home_and_settings_are(
    home: Home | None, ports: tuple[int, ...], page: int, open_to_gateway: bool
) -> None:
    chosen = Settings(
        relay=RelaySettings(chat_tls_port=0, chat_ports=ports, media_ports=ports),
        page=PageSettings(port=page, allow_gateway=open_to_gateway),
    )
    assert refused(rules(chosen, home)) == ""


def test_the_page_s_port_is_never_open_to_everybody() -> None:
    """Not even when a mistake in the settings gives it to the relay too."""
    both = Settings(relay=RelaySettings(chat_ports=(8199,), chat_tls_port=0, media_ports=()))
    assert not [line for line in rules(both, None).splitlines() if "8199" in line and "saddr" not in line]


def test_nor_is_a_port_for_a_balancer() -> None:
    """Not even where another list has it too, and not where nobody at home can be told from strangers."""
    public = Home((), (ipaddress.ip_network("80.200.0.0/24"),), ())
    for home in (None, public):
        for relay in (
            RelaySettings(balancer_ports=(8443,)),
            RelaySettings(chat_ports=(8443,), balancer_ports=(8443,)),
            RelaySettings(chat_tls_port=8443, balancer_ports=(8443,)),
        ):
            made = [line for line in rules(Settings(relay=relay), home).splitlines() if "8443" in line]
            assert len(made) == (0 if home else 2)
            assert all("saddr" in line for line in made)


def test_the_page_s_port_is_not_for_a_balancer() -> None:
    both = Settings(relay=RelaySettings(balancer_ports=(8199,)))
    assert rules(both, None) == rules(Settings(), None)


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "128.0.0.0/1", "::/0", "8.0.0.0/8", "2000::/3"])
def test_a_prefix_that_holds_the_world_lets_nobody_in_and_shuts_nobody_out(prefix: str) -> None:
    """Whatever a neighbour's DHCP server has said."""
    home = Home((), (ipaddress.ip_network(prefix),), (ipaddress.ip_address("192.168.1.1"),))
    made = rules(Settings(), home)
    assert not [line for line in made.splitlines() if "tcp dport 8199 accept" in line]
    assert [line for line in made.splitlines() if "skuid 811" in line] == [
        line for line in rules(Settings(), None).splitlines() if "skuid 811" in line
    ]


def test_nothing_is_logged_and_nothing_is_tracked() -> None:
    made = rules(Settings(), None)
    assert not re.search(r"\blog\b", made)
    assert not re.search(r"\bct\b", made)
    assert made.startswith(f"table inet {TABLE}\ndelete table inet {TABLE}\n")


def test_web_addresses_are_found_by_their_form() -> None:
    chosen = Settings(
        name=NameSettings(check_ip="http://a.example/"),
        certificate=CertificateSettings(authority="https://b.example:14000/dir"),
    )
    assert set(web_addresses(chosen)) == {"http://a.example/", "https://b.example:14000/dir"}
    assert "14000" in rules(chosen, None)


@pytest.mark.namespaces
@pytest.mark.parametrize(
    "odd",
    [
        "http://[::1/x",
        "http://a.example:99999/",
        "http://[fe80::1%eth0]:8000/",
        "http://[::ffff:10.0.0.1]/%h?%i",
        "http://",
    ],
)
def test_an_odd_web_address_stops_nothing(odd: str) -> None:
    assert refused(rules(Settings(name=NameSettings(update_url=odd)), None)) == ""
