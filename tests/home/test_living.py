"""What happens over time: settings, addresses and routers that change, killed programs, ports that are held."""

import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.network.advice import advice
from appliance.network.verdict import PortState, Verdict
from appliance.status.router import RouterStatus
from tests.home.card import PROMISED, Card
from tests.home.household import CARD, NEIGHBOUR, PUBLIC, ROUTER, SEEN, Household, Kind
from tests.home.test_verdicts import PROTOCOLS
from tests.relay.running import wait_for

pytestmark = [pytest.mark.namespaces, pytest.mark.slow]
Make = Callable[[Kind], Household]

EACH = ["PCP", "NAT-PMP", "UPnP"]

# A neighbour's program that wants the same port, by whichever protocol the router speaks.
NEIGHBOURS_WISH = f"""
from appliance.network.gateway import Gateway
from appliance.router.asking import ask_all, ways_to
from appliance.router.patience import Patience
look, _ = ask_all(ways_to(Gateway({ROUTER!r}, {NEIGHBOUR!r}), b"neighbour"), (443,), Patience.of(9))
assert look.ports[443] == "mapped", look
"""


# What comes from the card and goes on to the outside; a bridge shows what stays at home too.
WATCH = f"""
table inet watch {{
  chain forward {{
    type filter hook forward priority -1;
    ip saddr {CARD} counter
  }}
}}
"""


def mapped(home: Household) -> set[str]:
    """What the router passes on: the ends of its rules, such as ``443 dnat ip to 192.168.1.20:443``."""
    return {line.partition("th dport ")[2] for line in home.rules().splitlines() if "dnat ip to" in line}


def to_card(*ports: int, address: str = CARD) -> set[str]:
    return {f"{port} dnat ip to {address}:{port}" for port in ports}


def started(home: Household, folder: Path, router: dict[str, object] | None = None, **relay: object) -> Card:
    card = Card(home, folder / "card", router, **relay)
    card.start()
    return card


@pytest.mark.parametrize("protocol", EACH)
def test_a_port_that_a_neighbour_holds_is_left_alone(household: Make, tmp_path: Path, protocol: str) -> None:
    home = household(PUBLIC)
    drop, speaks = PROTOCOLS[protocol]
    home.translate(drop=drop)
    home.start_daemon(**speaks)
    neighbour = home.start("neighbour", sys.executable, "-c", NEIGHBOURS_WISH)
    assert neighbour.wait(30) == 0, (tmp_path / "log").read_text()
    theirs = to_card(443, address=NEIGHBOUR)
    assert mapped(home) == theirs
    card = started(home, tmp_path)
    found = card.verdict()
    assert (found.verdict, found.method) == (Verdict.PORT_TAKEN, protocol)
    assert {one.port: one.state for one in found.ports} == {443: PortState.TAKEN, 587: PortState.MAPPED}
    assert found.place.taken == (443,)
    # Nothing else was left behind either, such as another outer port.
    assert mapped(home) == theirs | to_card(587)
    card.stop()
    assert mapped(home) == theirs


@pytest.mark.parametrize("protocol", EACH)
def test_only_ports_of_the_relay_are_opened_and_what_is_taken_back_is_closed(
    household: Make, tmp_path: Path, protocol: str
) -> None:
    home = household(PUBLIC)
    drop, speaks = PROTOCOLS[protocol]
    home.translate(drop=drop)
    home.start_daemon(**speaks)
    also = [5222, 8199, 9000, 9001]
    card = started(home, tmp_path, {"also": also}, balancer_ports=[9000], chat_ports=[5222, 8199])
    found = card.verdict()
    assert found.verdict is Verdict.MAPPED
    assert {one.port for one in found.ports if one.state is PortState.FORBIDDEN} == {8199, 9000, 9001}
    assert "8199, 9000, 9001" in found.trouble
    assert mapped(home) == to_card(443, 587, 5222)
    card.write(also=[])
    wait_for(lambda: mapped(home) == to_card(443, 587), "5222 to be closed", PROMISED)
    card.write(open_ports=False)
    wait_for(lambda: not mapped(home), "everything to be closed", PROMISED)
    card.when(lambda status: status.verdict is Verdict.OFF, "to be off", PROMISED)
    card.stop()


def test_nobody_is_asked_before_the_owner_says_so(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate(drop=["udp dport { 1900, 5351 } counter"])
    home.start_daemon()
    home.nft("router", WATCH)
    card = started(home, tmp_path, {"open_ports": False})
    assert card.when(lambda status: True, "the service to speak").verdict is Verdict.OFF
    # Two more looks at the settings.
    first = card.status
    card.when(lambda status: first is not None and status.written > first.written, "another word", 30)
    assert home.rules().count("counter packets 0 bytes 0") == 2, home.rules()
    card.write(open_ports=True)
    card.when(lambda status: status.verdict is Verdict.MAPPED, "the ports to be mapped", PROMISED)
    card.stop()


@pytest.mark.parametrize("protocol", ["PCP", "NAT-PMP"])
def test_a_router_that_has_started_anew_maps_again_at_once(household: Make, tmp_path: Path, protocol: str) -> None:
    """Without its announcement the next regular round would come a minute later."""
    home = household(PUBLIC)
    drop, speaks = PROTOCOLS[protocol]
    home.translate(drop=drop)
    home.start_daemon(**speaks)
    card = started(home, tmp_path)
    assert card.verdict().verdict is Verdict.MAPPED
    home.stop_daemon()
    home.forget()
    home.start_daemon(**speaks)
    wait_for(lambda: mapped(home) == to_card(443, 587), "the ports to be mapped again", PROMISED)
    card.stop()
    assert not mapped(home)


@pytest.mark.patient
def test_a_router_without_announcements_maps_again_within_a_minute(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon(pcp=False)
    card = started(home, tmp_path)
    assert card.verdict().method == "UPnP"
    home.stop_daemon()
    home.forget()
    home.start_daemon(pcp=False)
    wait_for(lambda: mapped(home) == to_card(443, 587), "the ports to be mapped again", 60 + PROMISED)
    card.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_that_was_killed_knows_its_mappings_again(household: Make, tmp_path: Path, protocol: str) -> None:
    home = household(PUBLIC)
    drop, speaks = PROTOCOLS[protocol]
    home.translate(drop=drop)
    home.start_daemon(**speaks)
    card = started(home, tmp_path, {"also": [5222]})
    assert card.verdict().verdict is Verdict.MAPPED
    wait_for(lambda: mapped(home) == to_card(443, 587, 5222), "the three ports to be open", PROMISED + 5)
    killed = card.service
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert mapped(home) == to_card(443, 587, 5222)
    last = card.status
    card.write(also=[])
    card.start()
    card.when(lambda status: last is None or status.written > last.written, "the service to speak again")
    wait_for(lambda: mapped(home) == to_card(443, 587), "the former port to be closed", PROMISED + 5)
    card.when(lambda status: status.verdict is Verdict.MAPPED and len(status.ports) == 2, "the new wish")
    card.stop()
    assert not mapped(home)


def test_a_new_address_at_home_takes_its_mappings_along_by_upnp(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon(pcp=False, secure=False)
    card = started(home, tmp_path)
    assert card.verdict().verdict is Verdict.MAPPED
    move(home)
    wait_for(lambda: mapped(home) == to_card(443, 587, address=MOVED), "the mappings to follow", PROMISED)
    card.stop()
    assert not mapped(home)


def test_a_new_address_at_home_is_told_where_the_router_keeps_the_former_one(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon()
    card = started(home, tmp_path)
    assert card.verdict().method == "PCP"
    move(home)
    found = card.when(lambda status: status.verdict is Verdict.PORT_TAKEN, "the former mapping to be in the way")
    assert CARD in found.trouble
    assert MOVED in found.trouble
    card.stop()
    assert mapped(home) == to_card(443, 587)


MOVED = "192.168.1.21"


def move(home: Household) -> None:
    """The card gets another address."""
    home.ip("card", f"address del {CARD}/24 dev eth0", f"address add {MOVED}/24 dev eth0")
    home.ip("card", f"route add default via {ROUTER}")


def test_another_gateway_is_asked_instead(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon()
    card = started(home, tmp_path)
    assert card.verdict().gateway == ROUTER
    other = "192.168.1.254"
    home.stop_daemon()
    home.forget()
    home.ip("router", f"address del {ROUTER}/24 dev lan0", f"address add {other}/24 dev lan0")
    home.start_daemon()
    home.ip("card", f"route replace default via {other}")
    found = card.when(lambda status: status.gateway == other and status.verdict is Verdict.MAPPED, "the other gateway")
    assert found.outer == SEEN
    assert mapped(home) == to_card(443, 587)
    card.stop()
    assert not mapped(home)


def test_no_network_is_no_verdict_until_there_is_one(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon()
    home.ip("card", "route del default")
    card = started(home, tmp_path)
    assert card.when(lambda status: True, "the service to speak").verdict is Verdict.LOOKING
    home.ip("card", f"route add default via {ROUTER}")
    card.when(lambda status: status.verdict is Verdict.MAPPED, "the ports to be mapped", PROMISED)
    card.stop()


def test_a_new_outer_address_is_known_at_once_and_never_taken_for_a_shared_one(household: Make, tmp_path: Path) -> None:
    """The router announces it; between its word and the outside's there is no false verdict."""
    home = household(PUBLIC)
    home.translate()
    home.start_daemon()
    card = started(home, tmp_path)
    assert card.verdict().outer == SEEN
    new = "80.100.100.7"
    home.ip("router", f"address del {SEEN}/24 dev wan0", f"address add {new}/24 dev wan0")
    home.ip("router", f"route add default via {PUBLIC.provider}")
    verdicts = []

    def known(status: RouterStatus) -> bool:
        verdicts.append(status.verdict)
        return (status.outer, status.seen) == (new, new)

    card.when(known, "the new address", 60 + PROMISED)
    assert Verdict.CGNAT not in verdicts
    assert mapped(home) == to_card(443, 587)
    card.stop()


def test_the_router_s_own_page_is_found(household: Make, tmp_path: Path) -> None:
    """Before the owner has said a word, since whoever opens the ports by hand needs the link."""
    home = household(PUBLIC)
    home.translate()
    with home.inside("router", lambda: socket.create_server((ROUTER, 80))):
        card = started(home, tmp_path, {"open_ports": False})
        found = card.when(lambda status: bool(status.gateway_page), "the page")
    assert found.gateway_page == f"http://{ROUTER}/"
    assert found.gateway_page in advice(found.verdict, found.place).steps[0]
    card.stop()


def test_ipv6_alone_is_told_and_a_pinhole_is_opened(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.ip("router", "address add fe80::1/64 dev lan0 nodad", "address add 2a00:1450::1/64 dev lan0 nodad")
    home.ip("router", "address add 2a00:1451::1/64 dev wan0 nodad", "route add ::/0 dev wan0")
    home.ip("card", f"address del {CARD}/24 dev eth0", "address add 2a00:1450::20/64 dev eth0 nodad")
    home.ip("card", "route add default via fe80::1 dev eth0")
    home.start_daemon(ipv6=True)
    card = started(home, tmp_path)
    found = card.when(lambda status: status.method == "PCP", "the router's answer")
    assert (found.verdict, found.own) == (Verdict.IPV6_ONLY, "2a00:1450::20")
    assert {one.state for one in found.ports} == {PortState.MAPPED}
    address = "0x2a001450000000000000000000000020"
    rules = [line for line in home.rules().splitlines() if address in line and "accept" in line]
    assert sorted(line.split("dport ")[1].split()[0] for line in rules) == ["443", "587"]
    card.stop()
    # miniupnpd 2.3.1 does not close a pinhole that was renewed (a question asked twice is enough); then that is said.
    assert (address in home.rules()) == ("did not confirm" in card.log.read_text())


def test_with_an_address_of_its_own_nobody_has_to_be_asked(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate(drop=["udp dport { 1900, 5351 } counter"])
    home.start_daemon()
    home.ip("router", "address add 80.150.0.1/24 dev lan0")
    home.ip("card", f"address del {CARD}/24 dev eth0", "address add 80.150.0.20/24 dev eth0")
    home.ip("card", "route add default via 80.150.0.1")
    card = started(home, tmp_path)
    found = card.verdict()
    assert (found.verdict, found.own) == (Verdict.OPEN, "80.150.0.20")
    assert {one.state for one in found.ports} == {PortState.OPEN}
    assert home.rules().count("counter packets 0 bytes 0") == 1
    card.stop()


def test_what_a_router_held_that_is_silent_for_a_while_is_closed_at_the_end(household: Make, tmp_path: Path) -> None:
    home = household(PUBLIC)
    home.translate()
    home.start_daemon(upnp=False)
    card = started(home, tmp_path)
    assert card.verdict().method == "PCP"
    # Silent in the next round, which a new wish brings about, and speaking again at the end.
    home.nft("router", "insert rule inet filter input udp dport { 1900, 5351 } drop\n")
    card.write(also=[5222])
    card.when(lambda status: status.verdict is Verdict.NO_ANSWER, "no answer", 20)
    assert mapped(home) == to_card(443, 587)
    home.nft("router", "flush chain inet filter input\n")
    card.stop()
    assert not mapped(home)
