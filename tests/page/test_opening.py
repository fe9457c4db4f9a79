"""Step four: the verdict about the router, the switch that asks it, and the way by hand."""

import tomllib

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
