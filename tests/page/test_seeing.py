"""Step five: the knock from outside, and the evidence for each port."""

import re
from html import unescape

import pytest

from appliance.clock import since_boot
from appliance.page.knock import Knock, State
from appliance.page.seeing import evidence, link_of, outcome
from appliance.status.knock import KnockStatus, expected
from appliance.status.relay import PortStatus, RelayStatus, publish
from tests.page.conftest import Page, Visitor

# Each starts a page of its own, so they are for ./test.
pytestmark = pytest.mark.slow


def relay(*ports: PortStatus, knock: KnockStatus | None = None) -> RelayStatus:
    return RelayStatus(since_boot(), "0.1.0", "running", ports=ports, knock=knock)


def link_in(body: str) -> str:
    found = re.search(r"https://relay\.example\.org/s/[A-Za-z0-9_-]{22}", unescape(body))
    assert found
    return found.group()


@pytest.fixture
def named(page: Page, owner: Visitor) -> Visitor:
    page.paths.owner_file.write_text('[share]\ndomain = "relay.example.org"\n')
    return owner


def test_without_name_and_address_there_is_nowhere_to_knock(owner: Visitor) -> None:
    answer = owner.get("/outside")
    assert answer.status == 200
    assert "There is no name and no address yet" in answer.text


def test_the_link_stays_the_same_until_another_one_is_asked_for(page: Page, named: Visitor) -> None:
    first = link_in(named.get("/outside").body)
    assert link_in(named.get("/outside").body) == first
    waited = expected(page.paths.knock)
    assert waited
    assert first.rpartition("/")[2] not in page.paths.knock.read_text()
    assert named.post("/outside").status == 303
    assert link_in(named.get("/outside").body) != first


@pytest.mark.parametrize(
    ("outside", "router", "tls", "says", "good"),
    [
        (True, False, True, "your phone came in from outside", True),
        (True, True, True, "came in through the router", True),
        (True, False, False, "without TLS", False),
        (False, False, True, "still uses the Wi-Fi at home", False),
    ],
)
def test_the_page_sees_it_arrive(
    page: Page, named: Visitor, outside: bool, router: bool, tls: bool, says: str, good: bool
) -> None:
    assert "Waiting for your phone" in named.get("/outside").text
    waited = expected(page.paths.knock)
    assert waited
    came = KnockStatus(waited.short, int(since_boot()), outside, router, tls, 443)
    publish(page.paths.relay_status, relay(PortStatus(443, "chat-tls"), knock=came))
    answer = named.get("/outside")
    assert says in answer.text
    assert ("verdict good" in answer.body) == good


def test_a_knock_of_another_link_counts_for_nothing(page: Page, named: Visitor) -> None:
    named.get("/outside")
    came = KnockStatus("0" * 16, int(since_boot()), True, False, True, 443)
    publish(page.paths.relay_status, relay(knock=came))
    assert "Waiting for your phone" in named.get("/outside").text


def test_the_evidence_is_told_for_each_port_in_whole_minutes(page: Page, named: Visitor) -> None:
    moment = since_boot()
    ports = (PortStatus(443, "chat-tls", "", max(0, int(moment) - 185)), PortStatus(587, "media"))
    publish(page.paths.relay_status, relay(*ports))
    text = named.get("/outside").text
    assert re.search(r"Port 443 messages, protected once more last reached from outside \d minutes? ago", text)
    assert "Port 587 pictures, voice messages, calls not reached from outside yet" in text


def test_links_for_other_ports_and_ipv6_addresses() -> None:
    assert link_of("relay.example.org", 443, "/s/x") == "https://relay.example.org/s/x"
    assert link_of("2001:db8::1", 8443, "/s/x") == "https://[2001:db8::1]:8443/s/x"


def test_a_knock_that_ended_unseen_is_waited_for_no_more() -> None:
    assert outcome(Knock(State.EXPIRED, "/s/x")) == "waiting"
    assert evidence(None, 0.0) == []
