"""The start page and what programs read, in every state."""

import json
import re
from html import escape
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.clock import since_boot
from appliance.lights.language import PATTERNS
from appliance.page.drawing import rules
from appliance.status.relay import PortStatus, RelayStatus, UpstreamStatus, publish
from appliance.status.state import State
from appliance.status.words import WORDS
from tests.page.conftest import Page, Visitor

STATIC = Path(__file__).parents[2] / "appliance" / "page" / "static"

COUNTERS = {
    "connections": {"443": 12, "587": 3},
    "bytes_from_people": {"443": 1000},
    "refused": {"full": 1},
    "something-new": {"x": 7},
}


def relay(connections: int = 0, trouble: str = "", reachable: bool | None = True) -> RelayStatus:
    return RelayStatus(
        since_boot(),
        "0.1.0",
        "running",
        2,
        connections,
        27500,
        (PortStatus(443, "chat-tls", trouble), PortStatus(587, "media")),
        {"chat": UpstreamStatus(reachable), "media": UpstreamStatus(True)},
        COUNTERS,
    )


def test_people_connected(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    answer = owner.get("/")
    assert "People are connected" in answer.text
    assert "Up to 10 connections" in answer.text
    assert PATTERNS[State.RELAYING_IN_USE].looks in answer.text
    assert 'class="lights relaying-in-use"' in answer.body


def test_a_settings_mistake_and_a_port_in_use_say_what_and_what_to_do(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, relay(trouble="Port 443 is in use by nginx."))
    page.paths.owner_file.write_text("[relay]\nworkers = <b>\n")
    answer = owner.get("/")
    assert WORDS[State.NEEDS_ATTENTION].title in answer.text
    assert "porchlight.toml, line 2" in answer.text
    assert "Port 443 is in use by nginx." in answer.text
    assert "<b>" not in answer.body
    assert escape("<b>") in answer.body


def test_trouble_of_the_lights_is_said(page: Page, owner: Visitor) -> None:
    page.paths.lights_status.write_text(
        json.dumps({"written": since_boot(), "state": "stopped", "trouble": "Pin 17 is in use."})
    )
    assert "Pin 17 is in use." in owner.get("/").text


def test_lights_that_are_turned_off_are_said_to_be(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text("[lights]\nenabled = false\n")
    assert "turned off in porchlight.toml" in owner.get("/").text


def test_status_for_programs_needs_no_login_and_holds_only_round_numbers(page: Page) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    answer = page.visitor().get("/status.json")
    assert answer.headers["Content-Type"] == "application/json"
    status = json.loads(answer.body)
    assert status["state"] == "relaying-in-use"
    assert status["connections_up_to"] == 10
    assert status["upstreams"]["chat"] == {"reachable": True, "trouble": ""}
    assert status["ports"][0] == {"port": 443, "carries": "chat-tls", "trouble": ""}
    assert status["problems"] == []
    assert status["ownership"] == "unclaimed"
    assert status["version"]


def test_metrics_are_read_by_prometheus_own_parser(page: Page) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    answer = page.visitor().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.body)
        for sample in family.samples
    }
    assert samples[("porchlight_state", "relaying-in-use")] == 1.0
    assert samples[("porchlight_open_connections",)] == 10.0
    assert samples[("porchlight_connections_total", "443")] == 12.0
    assert samples[("porchlight_received_bytes_total", "443")] == 1000.0
    assert samples[("porchlight_refused_connections_total", "full")] == 1.0
    assert samples[("porchlight_something_new_total", "x")] == 7.0
    assert samples[("porchlight_upstream_reachable", "chat")] == 1.0


def test_a_corrupt_status_breaks_nothing(page: Page, owner: Visitor) -> None:
    for nonsense in (b"", b"{", b"[]", b"null", b'{"written": "x", "ports": 3, "upstreams": 1}', b"\xff"):
        page.paths.relay_status.write_bytes(nonsense)
        page.paths.lights_status.write_bytes(nonsense)
        for path in ("/", "/status.json", "/metrics"):
            assert owner.get(path).status == 200


@pytest.mark.parametrize("state", State)
def test_the_drawing_follows_the_table_of_the_lights(state: State) -> None:
    css = rules(state, PATTERNS[state])
    for colour in ("green", "amber", "red"):
        lit = {getattr(step.frame, colour) for step in PATTERNS[state].steps}
        assert (f"@keyframes {state}-{colour} " in css) == (lit == {True, False})
        assert f".lights.{state} .{colour} {{ opacity: {int(True in lit)}; }}" in css


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(owner: Visitor) -> None:
    pages = [owner.get(path).body for path in ("/", "/share", "/password", "/nothing")]
    for body in [*pages, *(path.read_text() for path in STATIC.iterdir())]:
        assert not re.search(r"""(src|href|url|@import)\s*[=(]?\s*["']?(https?:)?//""", body)
        assert " style=" not in body
        assert not re.search(r"\son\w+=", body)
        assert not re.search(r"<script(?![^>]*src=)", body)
