"""The relay's other rules without input or output: first bytes, destinations, ports, limits."""

import datetime
import ipaddress
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from appliance.relay import own_certificate
from appliance.relay.destination import is_allowed
from appliance.relay.first_bytes import ENOUGH_ROUTING, GREETING, KNOWN_ROUTING, Peer, classify
from appliance.relay.limits import (
    BYTES_A_CONNECTION,
    MOST_CONNECTIONS,
    Crowd,
    memory_allowed,
    memory_total,
    most_connections,
)
from appliance.relay.ports import groups_of, ports_of
from appliance.settings.declared import RelaySettings

WHOLE = (b"WA\x06\x03", b"WA\xff\xff", b"ED\x00\x01\x00\x00\x04abcdWA\x05\x03", b"ED\x00\x01\x00\x00\x00WA\x05\x03")


@given(st.sampled_from(WHOLE), st.binary(max_size=30))
def test_an_app_is_known_by_a_whole_greeting_of_whatever_version(greeting: bytes, rest: bytes) -> None:
    assert classify(greeting + rest) is Peer.APP
    assert {classify(greeting[:end]) for end in range(len(greeting))} == {Peer.UNDECIDED}


@given(st.binary(min_size=2, max_size=2), st.binary(max_size=30))
def test_routing_information_of_another_version_is_not_waited_for(version: bytes, rest: bytes) -> None:
    assume(version != KNOWN_ROUTING)
    assert classify(b"ED" + version + rest) is Peer.APP


def test_routing_information_of_any_length_is_passed_on_and_little_of_it_kept() -> None:
    begun = b"ED\x00\x01\xff\xff\xff"
    assert classify(begun + bytes(ENOUGH_ROUTING + GREETING - 1)) is Peer.UNDECIDED
    assert classify(begun + bytes(ENOUGH_ROUTING + GREETING)) is Peer.APP


@pytest.mark.parametrize(
    ("data", "peer"),
    [
        (b"", Peer.UNDECIDED),
        (b"W", Peer.UNDECIDED),
        (b"E", Peer.UNDECIDED),
        (b"WA\x06", Peer.UNDECIDED),
        (b"ED\x00", Peer.UNDECIDED),
        (b"GE", Peer.UNDECIDED),
        (b"\x16", Peer.UNDECIDED),
        (b"GET / HTTP/1.1", Peer.BROWSER),
        (b"PRI * HTTP/2.0\r\n", Peer.BROWSER),
        (b"\x16\x03\x01\x02\x00", Peer.TLS),
        (b"SSH-2.0-", Peer.FOREIGN),
        (b"WB", Peer.UNDECIDED),
        (b"WB\r\n", Peer.FOREIGN),
        (b"\x00", Peer.FOREIGN),
        (b"M-SEARCH * ", Peer.BROWSER),
        (b"\r\n\r\nFOO /", Peer.BROWSER),
        (b"\r\n" * 127, Peer.UNDECIDED),
        (b"\r\n" * 128, Peer.FOREIGN),
        (b"get / HTTP/1.1", Peer.FOREIGN),
        (b"G" * 64, Peer.UNDECIDED),
        (b"G" * 65, Peer.FOREIGN),
    ],
)
def test_others_are_told_apart(data: bytes, peer: Peer) -> None:
    assert classify(data) is peer


@given(st.binary(max_size=40))
def test_a_decision_never_changes_with_more_bytes(data: bytes) -> None:
    decisions = [classify(data[:end]) for end in range(len(data) + 1)]
    settled = [one for one in decisions if one is not Peer.UNDECIDED]
    assert len(set(settled)) <= 1
    assert decisions == [Peer.UNDECIDED] * (len(decisions) - len(settled)) + settled


PRIVATE_4 = "192.168.1.1 10.0.0.1 172.16.0.1 127.0.0.1 169.254.1.1 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255"
PRIVATE_6 = "::1 fe80::1 fd00::1 ff02::1 :: ::ffff:192.168.1.1 64:ff9b::192.168.1.1 2002:c0a8:0101:: 2002:7f00:0001::"


@pytest.mark.parametrize("address", [*PRIVATE_4.split(), *PRIVATE_6.split()])
def test_no_answer_of_the_dns_leads_into_the_home_network(address: str) -> None:
    assert not is_allowed(ipaddress.ip_address(address), (), allow_private=False)


@pytest.mark.parametrize("address", ["157.240.1.1", "2a03:2880:f200::1", "64:ff9b::9df0:101"])
def test_public_addresses_are_allowed_except_our_own(address: str) -> None:
    one = ipaddress.ip_address(address)
    assert is_allowed(one, (), allow_private=False)
    assert not is_allowed(one, (one,), allow_private=False)


@pytest.mark.parametrize("address", ["2a01:4f8:77::9", "2a01:4f8:77:1::9", "2a01:4f8:77:ff:ffff:ffff:ffff:ffff"])
def test_nothing_that_a_provider_has_delegated_to_the_home_is_allowed(address: str) -> None:
    """Devices at home have global IPv6 addresses too, on another cable those of another /64."""
    card = ipaddress.ip_address("2a01:4f8:77::50")
    assert is_allowed(ipaddress.ip_address(address), (), allow_private=False)
    assert not is_allowed(ipaddress.ip_address(address), (card,), allow_private=False)


@pytest.mark.parametrize("address", ["2a01:4f8:77:100::9", "2a01:4f8:76:ff00::9", "157.240.1.2"])
def test_who_is_next_to_the_home_is_not_at_home(address: str) -> None:
    own = [ipaddress.ip_address(one) for one in ("2a01:4f8:77::50", "fe80::1", "fd00::1", "157.240.1.1")]
    assert is_allowed(ipaddress.ip_address(address), own, allow_private=False)


@pytest.mark.parametrize("clock", ["1970-01-01", "2026-11-01", "2033-05-05T05:05:05.5"])
def test_a_certificate_is_valid_for_years_whatever_the_clock_says(clock: str) -> None:
    now = datetime.datetime.fromisoformat(clock).replace(tzinfo=datetime.UTC)
    today = max(now, datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC))
    for _ in range(200):
        start, end = own_certificate.validity(now)
        assert start < today - datetime.timedelta(hours=23)
        assert end > today + datetime.timedelta(days=7 * 365)


def test_certificates_made_at_one_moment_have_no_date_in_common() -> None:
    # What the clock of each card of a release says at its first start, before any time server has answered.
    epoch = datetime.datetime(2026, 11, 20, 12, 0, 30, tzinfo=datetime.UTC)
    made = [own_certificate.validity(epoch) for _ in range(200)]
    # By the second, of 60 million there are: two alike would be a chance of one in 3,000, so one pair is let pass.
    for dates in zip(*made, strict=True):
        assert len(set(dates)) >= 199
    days = sorted((epoch - start).days for start, _ in made)
    assert days[0] < 100
    assert days[-1] > 600
    assert {(end - start).days for start, end in made} == {3650, 7300}


def test_labs_may_use_private_addresses() -> None:
    assert is_allowed(ipaddress.ip_address("127.0.0.1"), (), allow_private=True)
    assert not is_allowed(ipaddress.ip_address("224.0.0.1"), (), allow_private=True)


def test_the_default_ports_are_those_of_the_reference() -> None:
    found = {port.number: (port.carries, port.group, port.needs_header) for port in ports_of(RelaySettings())}
    assert found == {
        443: ("chat-tls", "chat", False),
        5222: ("chat", "chat", False),
        80: ("chat", "http", False),
        587: ("media", "media", False),
        7777: ("media", "media", False),
    }
    assert groups_of(ports_of(RelaySettings())) == ("chat", "http", "media")


def test_balancer_ports_need_a_header_and_keep_what_another_list_says() -> None:
    settings = RelaySettings(chat_ports=(5222,), media_ports=(587, 7777), balancer_ports=(8443, 8080, 7777))
    found = {port.number: (port.carries, port.group) for port in ports_of(settings) if port.needs_header}
    assert found == {8443: ("chat-any", "chat"), 8080: ("chat-any", "http"), 7777: ("media", "media")}


def test_the_tls_port_can_be_turned_off() -> None:
    assert 443 not in [port.number for port in ports_of(RelaySettings(chat_tls_port=0))]


def test_the_limit_follows_memory_descriptors_and_the_setting() -> None:
    big, many = 8 << 30, 1 << 20
    assert most_connections(0, big, many, 4) == MOST_CONNECTIONS
    # What the kernel shows of the memory of a Zero 2 W, of a Pi 3, and of a board with 2 GB.
    assert most_connections(0, 430 << 20, many, 4) == 5_793
    assert most_connections(0, 906 << 20, many, 4) == 12_207
    assert most_connections(0, 1850 << 20, many, 4) == MOST_CONNECTIONS
    for memory in (1, 64 << 20, 430 << 20, 906 << 20):
        assert (most_connections(0, memory, many, 4) - 1) * BYTES_A_CONNECTION <= memory // 2
    # A board for which half would be too little leaves enough for everything else all the same.
    for memory in (1700 << 20, 1850 << 20, big):
        assert most_connections(0, memory, many, 4) * BYTES_A_CONNECTION <= memory - (800 << 20)
    assert most_connections(500, big, many, 4) == 500
    assert most_connections(0, big, 1100, 2) == 1000
    assert most_connections(0, 0, 100, 1) == 1


def test_a_control_group_may_allow_less_than_the_device_has(tmp_path: Path) -> None:
    own, groups = tmp_path / "cgroup", tmp_path / "groups"
    inner = groups / "system.slice" / "porchlight-relay.service"
    inner.mkdir(parents=True)
    own.write_text("0::/system.slice/porchlight-relay.service\n")
    assert memory_allowed(own, groups) == []
    (inner / "memory.max").write_text("max\n")
    (groups / "system.slice" / "memory.max").write_text("268435456\n")
    assert memory_allowed(own, groups) == [268435456]
    (inner / "memory.max").write_text("134217728\n")
    assert min(memory_allowed(own, groups)) == 134217728
    # In a namespace of its own, as the service has it, the group is the root.
    own.write_text("12:memory:/old\n0::/\n")
    (groups / "memory.max").write_text("1048576\n")
    assert memory_allowed(own, groups) == [1048576]
    assert memory_allowed(tmp_path / "nothing", groups) == []
    assert memory_total() > 0


def test_the_crowd_counts_by_address_without_keeping_any() -> None:
    crowd = Crowd(2)
    one, other = crowd.cells_of("203.0.113.7"), crowd.cells_of("203.0.113.8")
    crowd.add(0, one, 1)
    crowd.add(1, one, 1)
    assert (crowd.count(one), crowd.count(other)) == (2, 0)
    crowd.add(1, one, -1)
    assert crowd.count(one) == 1
    crowd.clear(0)
    assert crowd.count(one) == 0
