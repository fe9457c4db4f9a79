"""The firewall with real packets: who comes in, and where each of the card's users gets out."""

import dataclasses
import socket
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from appliance.firewall.rules import CERTIFICATE, FETCH, JUDGE, LIGHTS, NAME, PAGE, RELAY, UPDATE, rules
from appliance.firewall.rules import ROUTER as ROUTER_SERVICE
from appliance.network.home import Home
from appliance.settings.declared import (
    NameSettings,
    PageSettings,
    RelaySettings,
    Settings,
    UpstreamSettings,
)
from tests.firewall.lane import (
    ARRIVES,
    CARD,
    CARD6,
    ELSEWHERE,
    ELSEWHERE6,
    GLOBAL6,
    GLOBAL_NEIGHBOUR6,
    HIDDEN6,
    HOME,
    LINK6,
    NEIGHBOUR,
    NEIGHBOUR6,
    NEXT_HOME6,
    NEXT_TO_IT,
    OTHER_CABLE6,
    OWN,
    PUBLIC,
    ROUTER,
    ROUTER6,
    STRANGER,
    STRANGER6,
    TRANSLATED6,
    Lane,
)

pytestmark = [pytest.mark.namespaces, pytest.mark.xdist_group("firewall")]

DEFAULT = Settings()
LAB = Settings(relay=RelaySettings(upstream=UpstreamSettings(allow_private=True)))
PAGE_PORT = DEFAULT.page.port
# RFC 9293, section 3.1.
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
# Where nobody of the internet is. The last two are an address of IPv4 as a program can write it, and the cable's own.
PRIVATE = (*ELSEWHERE, *ELSEWHERE6, *HIDDEN6, f"::ffff:{ELSEWHERE[0]}", LINK6)
PUBLIC_HOME = Home((ip_address(PUBLIC),), (ip_network("80.1.2.0/24"),), (ip_address("80.1.2.1"),))
BASE = Path(__file__).parents[2] / "image/files/usr/lib/porchlight/firewall.nft"


def test_without_rules_everything_arrives(lane: Lane) -> None:
    """So that what follows is the rules' doing."""
    lane.rule("table inet porchlight\ndelete table inet porchlight\n")
    for source, target in ((STRANGER, CARD), (ROUTER, CARD), (STRANGER6, GLOBAL6), (NEIGHBOUR6, CARD6)):
        assert lane.comes_in(source, PAGE_PORT, target) == "open"
    assert lane.datagram_arrives(STRANGER, 4000, 9999)
    assert lane.gets_out(0, NEIGHBOUR, 8080) == "open"
    assert lane.gets_out(0, STRANGER6, 8080) == "open"
    assert lane.datagram_leaves(0, STRANGER, 4000)
    for target in (*PRIVATE, *OWN):
        assert lane.gets_out(0, target, 443) == "open", target
        assert lane.datagram_leaves(0, target, 443), target
    for source in ELSEWHERE:
        assert lane.comes_in(source, PAGE_PORT, CARD) == "open", source
    for source in (*ELSEWHERE6, *HIDDEN6):
        assert lane.comes_in(source, PAGE_PORT, CARD6) == "open", source


@pytest.mark.parametrize("port", [443, 5222, 80, 587, 7777])
def test_everybody_comes_to_the_relay(card: Lane, port: int) -> None:
    for source, target in ((STRANGER, CARD), (ROUTER, CARD), (NEIGHBOUR, CARD), (STRANGER6, GLOBAL6)):
        assert card.comes_in(source, port, target) == "open"


@pytest.mark.parametrize("port", [22, 53, 8080, 8222, 8443, 5353, 40000])
def test_a_port_that_no_setting_opens_is_closed(card: Lane, port: int) -> None:
    for source, target in ((STRANGER, CARD), (NEIGHBOUR, CARD), (STRANGER6, GLOBAL6), (NEIGHBOUR6, CARD6)):
        assert card.comes_in(source, port, target) == "refused"


def test_the_page_is_for_the_home_network(card: Lane) -> None:
    assert card.comes_in(NEIGHBOUR, PAGE_PORT) == "open"
    assert card.comes_in(NEIGHBOUR6, PAGE_PORT, CARD6) == "open"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(STRANGER, CARD, id="a stranger"),
        pytest.param(ROUTER, CARD, id="the router, which may pass strangers on"),
        pytest.param(ROUTER6, CARD6, id="the router, with IPv6"),
        pytest.param(STRANGER6, GLOBAL6, id="a stranger, with IPv6"),
        pytest.param(GLOBAL_NEIGHBOUR6, GLOBAL6, id="somebody in a prefix that the whole world reaches"),
        *((one, CARD) for one in ELSEWHERE),
        *((one, CARD6) for one in (*ELSEWHERE6, *HIDDEN6)),
    ],
)
def test_the_page_s_port_looks_closed_to_anybody_else(card: Lane, source: str, target: str) -> None:
    assert card.comes_in(source, PAGE_PORT, target) == "refused"


def test_the_router_s_own_computer_can_be_let_in(lane: Lane) -> None:
    lane.rule(rules(Settings(page=PageSettings(allow_gateway=True)), HOME))
    assert lane.comes_in(ROUTER, PAGE_PORT) == "open"
    assert lane.comes_in(STRANGER, PAGE_PORT) == "refused"


def test_a_port_opens_and_closes_with_its_setting(lane: Lane) -> None:
    moved = Settings(
        relay=RelaySettings(chat_tls_port=0, chat_ports=(2000,), balancer_ports=(8443,)), page=PageSettings(port=9000)
    )
    lane.rule(rules(moved, HOME))
    assert [lane.comes_in(STRANGER, port) for port in (443, 5222, 80, 9000)] == ["refused"] * 4
    assert [lane.comes_in(STRANGER, port) for port in (2000, 587)] == ["open"] * 2
    assert [lane.comes_in(NEIGHBOUR, port) for port in (9000, PAGE_PORT)] == ["open", "refused"]


@pytest.mark.parametrize("home", [HOME, None])
def test_a_balancer_is_somebody_at_home(lane: Lane, home: Home | None) -> None:
    """Whatever address it names is believed, so nobody else may; not even at a port that another list has too."""
    behind = Settings(relay=RelaySettings(chat_ports=(5222, 8080), balancer_ports=(8443, 8080)))
    lane.rule(rules(behind, home))
    for port in (8443, 8080):
        for source, target in ((NEIGHBOUR, CARD), (NEIGHBOUR6, CARD6), (ROUTER, CARD)):
            assert lane.comes_in(source, port, target) == "open", (source, port)
        for source, target in ((STRANGER, CARD), (STRANGER6, GLOBAL6), (GLOBAL_NEIGHBOUR6, GLOBAL6)):
            assert lane.comes_in(source, port, target) == "refused", (source, port)
    assert lane.comes_in(STRANGER, 5222) == "open"


@pytest.mark.costly
@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(one, id=name)
        for name, one in {
            "null": 0,
            "fin": FIN,
            "xmas": FIN | PSH | URG,
            "ack": ACK,
            "maimon": FIN | ACK,
            "syn-ack": SYN | ACK,
            "syn-fin": SYN | FIN,
            "syn": SYN,
        }.items()
    ],
)
@pytest.mark.parametrize(
    ("source", "target"),
    [(STRANGER, CARD), (ROUTER, CARD), (STRANGER6, GLOBAL6), (GLOBAL_NEIGHBOUR6, GLOBAL6), (ROUTER6, CARD6)],
)
def test_no_packet_tells_the_page_s_port_from_a_closed_one(card: Lane, flags: int, source: str, target: str) -> None:
    closed = card.answer_to(flags, source, 8198, target, listens=False)
    for deaf in (False, True):
        assert card.answer_to(flags, source, PAGE_PORT, target, listens=True, deaf=deaf) == closed != b""


def test_nor_where_the_page_has_moved_or_a_balancer_is_awaited(lane: Lane) -> None:
    moved = Settings(relay=RelaySettings(balancer_ports=(8443,)), page=PageSettings(port=18199))
    lane.rule(rules(moved, HOME))
    for port in (18199, 8443):
        for flags in (0, FIN, FIN | PSH | URG, ACK, SYN):
            found = lane.answer_to(flags, STRANGER, port, listens=True)
            assert found == lane.answer_to(flags, STRANGER, 8198, listens=False) != b"", (port, flags)


def test_what_is_open_to_everybody_is_as_silent_as_any_server(card: Lane) -> None:
    for flags in (0, FIN, FIN | PSH | URG):
        assert card.answer_to(flags, STRANGER, 443, listens=True, within=ARRIVES) == b""
        assert card.answer_to(flags, STRANGER6, 443, GLOBAL6, listens=True, within=ARRIVES) == b""


def test_no_datagram_reaches_a_port_on_which_a_service_listens(card: Lane) -> None:
    assert not card.datagram_arrives(STRANGER, 4000, 20000, within=ARRIVES)
    assert not card.datagram_arrives(STRANGER6, 4000, 20000, GLOBAL6, within=ARRIVES)
    assert not card.datagram_arrives(NEIGHBOUR, 4000, 20000, within=ARRIVES)
    assert not card.datagram_arrives(NEIGHBOUR6, 4000, 20000, CARD6, within=ARRIVES)
    # Not even from a port that an answer could come from.
    assert not card.datagram_arrives(STRANGER, 53, 5353, within=ARRIVES)
    assert not card.datagram_arrives(STRANGER, 53, 5350, within=ARRIVES)
    assert not card.datagram_arrives(STRANGER6, 53, 5353, GLOBAL6, within=ARRIVES)
    assert not card.datagram_arrives(STRANGER6, 53, 5350, GLOBAL6, within=ARRIVES)


def test_answers_come_back(card: Lane) -> None:
    assert card.datagram_arrives(STRANGER, 53, 20000)
    assert card.datagram_arrives(STRANGER6, 123, 20000, GLOBAL6)
    assert card.datagram_arrives(STRANGER, 19302, 20000)
    assert card.datagram_arrives(ROUTER, 4000, 20000)
    assert card.datagram_arrives(ROUTER, 5351, 5350)
    assert card.datagram_arrives(NEIGHBOUR, 5353, 5353)
    assert card.datagram_arrives(STRANGER6, 53, 20000, GLOBAL6)
    assert card.datagram_arrives(STRANGER6, 19302, 20000, GLOBAL6)
    assert card.datagram_arrives(ROUTER6, 4000, 20000, CARD6)
    assert card.datagram_arrives(ROUTER6, 5351, 5350, CARD6)
    assert card.datagram_arrives(NEIGHBOUR6, 5353, 5353, CARD6)


def test_the_relay_reaches_its_upstreams_ports_at_public_addresses(card: Lane, users: None) -> None:
    for target in (STRANGER, STRANGER6, TRANSLATED6, NEXT_HOME6):
        assert [card.gets_out(RELAY, target, port) for port in (5222, 80, 443)] == ["open"] * 3
        assert [card.gets_out(RELAY, target, port) for port in (22, 25, 5223, 8199)] == ["refused"] * 4


@pytest.mark.parametrize("target", [STRANGER, STRANGER6, TRANSLATED6, NEIGHBOUR, NEIGHBOUR6, ROUTER, ROUTER6, *PRIVATE])
def test_the_relay_sends_no_datagram_to_anybody(card: Lane, users: None, target: str) -> None:
    assert [port for port in (53, 443, 1900, 5351) if card.datagram_leaves(RELAY, target, port)] == []


@pytest.mark.parametrize(
    "target",
    [
        *(NEIGHBOUR, ROUTER, NEIGHBOUR6, ROUTER6, GLOBAL_NEIGHBOUR6, OTHER_CABLE6, CARD, CARD6, GLOBAL6),
        *("127.0.0.1", "::1"),
        *PRIVATE,
    ],
)
def test_the_relay_never_reaches_home(card: Lane, users: None, target: str) -> None:
    """Nor the card itself, where the setup page is; nor a device at home by an address that is public."""
    for port in (443, 80, 5222, PAGE_PORT):
        assert card.gets_out(RELAY, target, port) == "refused"


@pytest.mark.parametrize("target", [STRANGER, STRANGER6, NEIGHBOUR, NEIGHBOUR6, ROUTER, ROUTER6, ELSEWHERE[0]])
def test_the_relay_pings_nobody(card: Lane, users: None, target: str) -> None:
    """Nor do page and lights; the system may."""
    assert [user for user in (RELAY, PAGE, LIGHTS) if card.ping_leaves(user, target, ARRIVES)] == []
    assert card.ping_leaves(0, target)


def test_the_kernel_itself_says_what_it_has_to(card: Lane, users: None) -> None:
    """For the relay too: it finds the neighbour through which its packets go."""
    card.forget_neighbours()
    assert card.gets_out(RELAY, STRANGER6, 5222) == "open"
    assert card.gets_out(RELAY, STRANGER, 5222) == "open"
    assert card.is_told_that_nobody_waits(STRANGER, 53, 20000)
    assert card.is_told_that_nobody_waits(STRANGER6, 53, 20000, GLOBAL6)


@pytest.mark.parametrize("target", PRIVATE)
def test_nor_does_anybody_else_reach_another_private_range(card: Lane, users: None, target: str) -> None:
    for user in (0, PAGE, LIGHTS, ROUTER_SERVICE, NAME, CERTIFICATE, UPDATE, FETCH, JUDGE):
        assert [card.gets_out(user, target, port) for port in (80, 443)] == ["refused"] * 2, user
    assert not card.datagram_leaves(ROUTER_SERVICE, target, 5351)
    assert not card.datagram_leaves(ROUTER_SERVICE, target, 3478)


def test_nor_a_page_on_a_port_from_which_it_tries_its_own_connections(lane: Lane, users: None) -> None:
    lane.rule(rules(Settings(page=PageSettings(port=18199)), HOME))
    assert lane.gets_out(RELAY, "127.0.0.1", 18199) == "refused"
    assert lane.gets_out(RELAY, "127.0.0.1", 18200) == "open"


def test_a_laboratory_may_let_it(lane: Lane, users: None) -> None:
    lane.rule(rules(LAB, HOME))
    assert lane.gets_out(RELAY, NEIGHBOUR, 5222) == "open"
    assert lane.gets_out(RELAY, NEIGHBOUR, 22) == "refused"
    assert [lane.gets_out(JUDGE, NEIGHBOUR, port) for port in (443, 5222)] == ["open", "open"]


@pytest.mark.parametrize("user", [PAGE, LIGHTS])
def test_page_and_lights_ask_nobody_but_the_resolver(card: Lane, users: None, user: int) -> None:
    for target in (NEIGHBOUR, ROUTER, STRANGER, "127.0.0.1", NEIGHBOUR6, ROUTER6, STRANGER6, "::1"):
        assert card.gets_out(user, target, 443) == "refused"
    assert not card.datagram_leaves(user, ROUTER, 53)
    assert not card.datagram_leaves(user, ROUTER6, 53)
    assert card.gets_out(user, "127.0.0.53", 53) == "open"


@pytest.mark.parametrize(("own", "neighbour"), [(CARD, NEIGHBOUR), (CARD6, NEIGHBOUR6)])
def test_the_page_answers(card: Lane, users: None, own: str, neighbour: str) -> None:
    """Only who begins a connection is judged: the page's listening socket belongs to its user."""
    family = socket.AF_INET6 if ":" in own else socket.AF_INET
    with card.within(card.card, lambda: socket.create_server((own, PAGE_PORT), family=family), PAGE) as page:
        asking = card.within(card.world, lambda: socket.create_connection((own, PAGE_PORT), 2, (neighbour, 0)))
        answering = page.accept()[0]
        with asking, answering:
            answering.sendall(b"here")
            assert asking.recv(4) == b"here"


@pytest.mark.parametrize(
    ("gateway", "neighbour", "stranger"), [(ROUTER, NEIGHBOUR, STRANGER), (ROUTER6, NEIGHBOUR6, STRANGER6)]
)
def test_the_router_service_asks_the_gateway_and_servers_outside(
    card: Lane, users: None, gateway: str, neighbour: str, stranger: str
) -> None:
    assert card.datagram_leaves(ROUTER_SERVICE, gateway, 5351)
    assert card.datagram_leaves(ROUTER_SERVICE, gateway, 1900)
    assert card.datagram_leaves(ROUTER_SERVICE, stranger, 3478)
    assert card.gets_out(ROUTER_SERVICE, gateway, 49152) == "open"
    assert not card.datagram_leaves(ROUTER_SERVICE, neighbour, 5351)
    assert not card.datagram_leaves(ROUTER_SERVICE, neighbour, 3478)
    assert card.gets_out(ROUTER_SERVICE, neighbour, 80) == "refused"
    assert card.gets_out(ROUTER_SERVICE, stranger, 443) == "refused"


@pytest.mark.parametrize("user", [NAME, CERTIFICATE, UPDATE, FETCH])
def test_name_certificate_and_updates_reach_the_web(card: Lane, users: None, user: int) -> None:
    # A bundle is streamed over HTTPS; RAUC would follow a redirect to plain HTTP.
    plain = "refused" if user == FETCH else "open"
    for target in (STRANGER, STRANGER6):
        assert [card.gets_out(user, target, port) for port in (80, 443)] == [plain, "open"]
        assert card.gets_out(user, target, 25) == "refused"
    for target in (NEIGHBOUR, ROUTER, NEIGHBOUR6, ROUTER6, GLOBAL_NEIGHBOUR6):
        assert card.gets_out(user, target, 443) == "refused"


def test_the_judge_of_a_new_system_asks_whatsapp_s_servers_and_the_card(card: Lane, users: None) -> None:
    """With and without the relay; it fetches nothing, from the feed least of all."""
    for target in (STRANGER, STRANGER6, "127.0.0.1"):
        assert card.gets_out(JUDGE, target, 443) == "open"
    for target, port in ((STRANGER, 80), (STRANGER6, 8080)):
        assert card.gets_out(JUDGE, target, port) == "refused"
    for target in (STRANGER, STRANGER6):
        assert card.gets_out(JUDGE, target, 5222) == "open"
    for target in (NEIGHBOUR, ROUTER, NEIGHBOUR6, ROUTER6, GLOBAL_NEIGHBOUR6):
        assert card.gets_out(JUDGE, target, 443) == "refused"


def test_root_fetches_nothing(card: Lane, users: None) -> None:
    """Neither does nobody: whoever speaks with the server of an update has a name of its own."""
    for user in (0, 65534):
        assert card.gets_out(user, STRANGER, 443) == "refused"
        assert card.gets_out(user, STRANGER6, 443) == "refused"


def test_an_address_that_the_owner_wrote_down_is_reached(lane: Lane, users: None) -> None:
    own = NameSettings(update_url="http://192.168.77.2:8000/?%h", check_ip="https://ip.example:8443/")
    lane.rule(rules(dataclasses.replace(DEFAULT, name=own), HOME))
    assert lane.gets_out(NAME, NEIGHBOUR, 8000) == "open"
    assert lane.gets_out(NAME, STRANGER, 8443) == "open"
    assert [lane.gets_out(NAME, NEIGHBOUR, port) for port in (443, 8443)] == ["refused"] * 2
    assert lane.gets_out(RELAY, NEIGHBOUR, 8000) == "refused"


def test_the_system_asks_for_names_and_time(card: Lane) -> None:
    assert card.datagram_leaves(0, ROUTER, 53)
    assert card.datagram_leaves(0, STRANGER, 123)
    assert card.datagram_leaves(0, ROUTER, 67, source_port=68)
    assert card.gets_out(0, ROUTER, 53) == "open"
    assert card.datagram_leaves(0, ROUTER6, 53)
    assert card.datagram_leaves(0, STRANGER6, 123)
    assert card.datagram_leaves(0, LINK6, 547, source_port=546)
    assert card.gets_out(0, ROUTER6, 53) == "open"
    for stranger, router in ((STRANGER, ROUTER), (STRANGER6, ROUTER6)):
        assert not card.datagram_leaves(0, stranger, 4000)
        assert not card.datagram_leaves(0, router, 1900)


def test_what_the_card_brings_holds_until_home_is_known(lane: Lane, users: None) -> None:
    lane.rule(BASE.read_text())
    assert [lane.comes_in(STRANGER, port) for port in (443, 587, PAGE_PORT, 22)] == [
        "open",
        "open",
        "refused",
        "refused",
    ]
    assert lane.comes_in(NEIGHBOUR, PAGE_PORT) == "open"
    assert lane.comes_in(GLOBAL_NEIGHBOUR6, PAGE_PORT, GLOBAL6) == "refused"
    assert lane.gets_out(RELAY, STRANGER, 5222) == "open"
    assert lane.gets_out(RELAY, STRANGER6, 5222) == "open"
    for target in (NEIGHBOUR, ROUTER, NEIGHBOUR6, ROUTER6, *PRIVATE):
        assert lane.gets_out(RELAY, target, 443) == "refused", target


def test_in_a_home_with_public_addresses_the_page_is_shut(lane: Lane, users: None) -> None:
    """And next to the relay nobody is at home, nor one of its upstreams."""
    lane.rule(rules(Settings(relay=RelaySettings(balancer_ports=(8443,))), PUBLIC_HOME))
    assert [lane.comes_in(NEXT_TO_IT, port, PUBLIC) for port in (443, 5222)] == ["open"] * 2
    assert [lane.comes_in(NEXT_TO_IT, port, PUBLIC) for port in (PAGE_PORT, 8443)] == ["refused"] * 2
    assert lane.comes_in(NEIGHBOUR, PAGE_PORT) == "refused"
    assert lane.gets_out(RELAY, STRANGER, 443) == "open"
    assert [lane.gets_out(RELAY, target, 443) for target in (NEXT_TO_IT, PUBLIC)] == ["refused"] * 2


def test_rules_that_are_refused_leave_the_former_ones(card: Lane) -> None:
    with pytest.raises(AssertionError, match="syntax error"):
        card.rule(rules(LAB, HOME) + "nonsense\n")
    assert card.comes_in(STRANGER, PAGE_PORT) == "refused"
    assert card.comes_in(STRANGER, 443) == "open"
