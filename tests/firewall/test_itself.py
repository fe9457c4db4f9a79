"""The card's own users and its own addresses, with real packets: who comes through loopback to page and relay."""

import socket
from dataclasses import replace

import pytest

from appliance.firewall.rules import CERTIFICATE, FETCH, JUDGE, LIGHTS, NAME, PAGE, RELAY, ROUTER, UPDATE, rules
from appliance.network.home import Home
from appliance.settings.declared import NameSettings, PageSettings, RelaySettings, Settings
from tests.firewall.lane import CARD, CARD6, HOME, OWN, Lane

pytestmark = [pytest.mark.namespaces, pytest.mark.xdist_group("firewall")]

DEFAULT = Settings()
PAGE_PORT = DEFAULT.page.port
# usr/lib/sysusers.d/porchlight.conf: who joins Wi-Fi, and who reads a stick. And nobody.
WIFI, STICK, NOBODY = 817, 820, 65534
EVERYBODY = (0, NOBODY, RELAY, PAGE, LIGHTS, ROUTER, NAME, CERTIFICATE, WIFI, UPDATE, FETCH, STICK, JUDGE)


@pytest.mark.parametrize("target", OWN)
@pytest.mark.parametrize("home", [HOME, None])
def test_nobody_on_the_card_comes_to_its_page_or_to_another_port_of_it(
    lane: Lane, users: None, home: Home | None, target: str
) -> None:
    """Whoever has taken one of them over would be somebody at home there. The judge alone has a reason to come."""
    lane.rule(rules(DEFAULT, home))
    for user in EVERYBODY:
        lets_in = [port for port in (PAGE_PORT, 443, 80, 5222, 22) if lane.gets_out(user, target, port) != "refused"]
        judges = user == JUDGE and target in ("127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1")
        assert lets_in == ([PAGE_PORT, 443] if judges else []), user
        assert [port for port in (443, 5350, 5353) if lane.datagram_leaves(user, target, port)] == [], user


def test_the_judge_finds_page_and_relay_where_the_settings_have_put_them(lane: Lane, users: None) -> None:
    moved = RelaySettings(chat_tls_port=2000, media_ports=(2001, 2002))
    lane.rule(rules(Settings(relay=moved, page=PageSettings(port=18199)), HOME))
    assert [lane.gets_out(JUDGE, "127.0.0.1", port) for port in (18199, 2000, 2001)] == ["open"] * 3
    assert [lane.gets_out(JUDGE, "127.0.0.1", port) for port in (PAGE_PORT, 443, 587, 5222)] == ["refused"] * 4
    # Behind a balancer nobody gets an answer without its header: the judge takes the next one.
    lane.rule(rules(Settings(relay=replace(moved, balancer_ports=(2000, 2001))), HOME))
    assert [lane.gets_out(JUDGE, "127.0.0.1", port) for port in (2000, 2001, 2002)] == ["refused", "refused", "open"]
    lane.rule(rules(Settings(relay=RelaySettings(chat_tls_port=0, media_ports=())), HOME))
    assert lane.gets_out(JUDGE, "127.0.0.1", PAGE_PORT) == "open"


def test_nor_by_an_address_that_stands_in_the_settings(lane: Lane, users: None) -> None:
    for written in (f"http://{CARD}:{PAGE_PORT}/", f"http://127.0.0.1:{PAGE_PORT}/", f"http://[{CARD6}]:{PAGE_PORT}/"):
        lane.rule(rules(Settings(name=NameSettings(update_url=written)), HOME))
        for target in (CARD, "127.0.0.1", CARD6):
            assert lane.gets_out(NAME, target, PAGE_PORT) == "refused", (written, target)


@pytest.mark.parametrize("user", EVERYBODY)
def test_everybody_asks_the_card_s_own_resolver_and_is_answered(card: Lane, users: None, user: int) -> None:
    resolver = ("127.0.0.53", 53)

    def made() -> socket.socket:
        found = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        found.settimeout(2)
        return found

    # The resolver is a user of its own, and of no number that a rule could name.
    with card.within(card.card, made, NOBODY) as answering, card.within(card.card, made, user) as asking:
        card.within(card.card, lambda: answering.bind(resolver))
        card.within(card.card, lambda: asking.sendto(b"which?", resolver), user)
        question, asker = answering.recvfrom(16)
        card.within(card.card, lambda: answering.sendto(b"that", asker), NOBODY)
        assert (question, asking.recvfrom(16)) == (b"which?", (b"that", resolver))
    assert card.gets_out(user, "127.0.0.53", 53) == "open"
