"""Step four: the verdict about the router, the switch that asks it, and the way by hand."""

import re
import tomllib
from urllib.parse import urlencode

import pytest

from appliance.clock import since_boot
from appliance.network.advice import advice
from appliance.network.verdict import PortState, Verdict
from appliance.status.router import MappedPort, RouterStatus, publish
from tests.page.conftest import Page, Visitor

# Each starts a page of its own, so they are for ./test.
pytestmark = pytest.mark.slow


def status(verdict: Verdict) -> RouterStatus:
    ports = (MappedPort(443, 443, PortState.MAPPED), MappedPort(587, 587, PortState.MAPPED))
    return RouterStatus(
        since_boot(),
        verdict,
        "PCP",
        "80.100.100.1",
        "",
        "http://192.168.1.1/",
        ports,
        "",
        "192.168.1.20",
        "192.168.1.1",
    )


@pytest.mark.parametrize("verdict", Verdict)
def test_each_verdict_is_said_with_what_to_do(page: Page, owner: Visitor, verdict: Verdict) -> None:
    page.paths.router_status.parent.mkdir()
    publish(page.paths.router_status, status(verdict))
    answer = owner.get("/open")
    words = advice(verdict, status(verdict).place)
    for sentence in (words.title, words.means, words.todo):
        assert sentence in answer.text
    assert ("verdict good" in answer.body) == (verdict in (Verdict.OPEN, Verdict.MAPPED))
    assert "http://192.168.1.1/" in answer.text
    assert "443, 587" in answer.text
    assert "192.168.1.20" in answer.text


def test_nothing_is_asked_of_the_router_before_the_owner_says_so(page: Page, owner: Visitor) -> None:
    assert "has not been asked" in owner.get("/open").text
    assert not page.paths.saved_settings.exists()
    assert owner.post("/open", open="yes").status == 303
    assert tomllib.loads(page.paths.saved_settings.read_text())["router"]["open_ports"] is True
    assert "Asking the router" in owner.get("/open").text
    assert owner.post("/open", open="no").status == 303
    assert tomllib.loads(page.paths.saved_settings.read_text())["router"]["open_ports"] is False


def test_further_ports_are_opened_only_when_they_are_ticked(page: Page, owner: Visitor) -> None:
    """Those on which the relay listens; whatever else a form may name, the page's own port above all, is left out."""
    offered = re.findall(r'type="checkbox" name="also" value="([0-9]+)"( checked)?', owner.get("/open").body)
    assert offered == [("5222", ""), ("80", ""), ("7777", "")]
    form = {"csrf_token": owner.token("/open"), "also": ["80", "8199", "22", "x"]}
    assert owner.ask("POST", "/open/further", urlencode(form, doseq=True)).status == 303
    assert tomllib.loads(page.paths.saved_settings.read_text())["router"] == {"also": [80]}
    ticked = re.findall(r'type="checkbox" name="also" value="([0-9]+)" checked', owner.get("/open").body)
    assert ticked == ["80"]
    assert owner.post("/open/further", "/open").status == 303
    assert tomllib.loads(page.paths.saved_settings.read_text())["router"] == {"also": []}


def test_further_ports_that_the_file_fixes_cannot_be_ticked(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text("[router]\nalso = [80]\n")
    assert re.search(r'<fieldset aria-label="[^"]+" disabled>', owner.get("/open").body)
    refused = owner.post("/open/further", "/open", also="7777")
    assert refused.status == 422
    assert "fixed by porchlight.toml" in refused.text
    assert not page.paths.saved_settings.exists()


def test_nobody_is_told_to_open_the_pages_port_by_hand(page: Page, owner: Visitor) -> None:
    """Nor any other that porchlight would not open by itself, whatever the file asks for and while nobody has asked."""
    page.paths.owner_file.write_text("[relay]\nbalancer_ports = [7777]\n[router]\nalso = [8199, 80, 22, 7777]\n")
    told = owner.get("/open").text
    assert "Add one rule for each of these ports: 443, 587, 80. Protocol TCP" in told
    assert "only: 443, 587, 80." in told


def test_other_ports_outside_go_into_the_link(page: Page, owner: Visitor) -> None:
    wrong = (("0", "587", "The chat port"), ("443", "x", "The media port"), ("99999", "587", "The chat port"))
    for chat, media, says in wrong:
        answer = owner.post("/open/ports", "/open", **{"share.chat_port": chat, "share.media_port": media})
        assert answer.status == 422
        assert f"{says} must be a number from 1 to 65535" in answer.text
    assert not page.paths.saved_settings.exists()
    answer = owner.post("/open/ports", "/open", **{"share.chat_port": "8443", "share.media_port": "587"})
    assert answer.status == 303
    assert tomllib.loads(page.paths.saved_settings.read_text())["share"] == {"chat_port": 8443, "media_port": 587}
