"""The start page and what programs read, in every state."""

import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from appliance.clock import since_boot
from appliance.lights.language import PATTERNS, WORDS
from appliance.page.drawing import rules
from appliance.status.name import NameStatus
from appliance.status.name import publish as publish_name
from appliance.status.relay import PortStatus, QuotaStatus, RelayStatus, UpstreamStatus, publish
from appliance.status.state import State
from tests.page.conftest import Page, Visitor

STATIC = Path(__file__).parents[2] / "appliance" / "page" / "static"
# Seconds by which the relay's word is ahead of its time, so that it is not old before a busy machine has read it.
AHEAD = 60.0

COUNTERS = {
    "connections": {"443": 129, "587": 3},
    "bytes_from_people": {"443": 123_456_789},
    "something-new": {"80": 70},
}
BY_REASON = {
    "refused": {"443": {"full": 12, "late": 9}},
    "handshake_failures": {"443": {"not-tls": 25}},
    "session_seconds": {"443": {"1": 18, "10": 5, "+Inf": 1}},
}


def relay(connections: int = 0, trouble: str = "", reachable: bool | None = True) -> RelayStatus:
    return RelayStatus(
        since_boot() + AHEAD,
        "0.1.0",
        "running",
        2,
        connections,
        27500,
        (PortStatus(443, "chat-tls", trouble), PortStatus(587, "media")),
        {"chat": UpstreamStatus(reachable), "media": UpstreamStatus(True)},
        COUNTERS,
        BY_REASON,
        QuotaStatus(200_000_000_000, 51_999_999_999, "2026-11"),
        used_lately=connections > 0,
    )


@pytest.mark.costly
def test_people_connected(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    answer = owner.get("/")
    assert WORDS[State.RELAYING_IN_USE].title in answer.text
    assert "Up to 10 connections" in answer.text
    assert PATTERNS[State.RELAYING_IN_USE].looks in answer.text
    assert 'class="lights relaying-in-use"' in answer.body


@pytest.mark.costly
def test_a_settings_mistake_and_a_port_in_use_say_what_and_what_to_do(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, relay(trouble="Port 443 is in use by nginx."))
    page.paths.owner_file.write_text("[relay]\nworkers = <b>\n")
    answer = owner.get("/")
    assert WORDS[State.SETTINGS_MISTAKEN].title in answer.text
    assert "porchlight.toml, line 2" in answer.text
    assert "Port 443 is in use by nginx." in answer.text
    assert "<b>" not in answer.body
    assert escape("<b>") in answer.body


@pytest.mark.costly
def test_the_months_data_is_shown_and_said_when_it_is_used_up(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, replace(relay(), quota=None))
    assert "Data this month" not in owner.get("/").text
    publish(page.paths.relay_status, relay())
    assert "Data this month: 25 % of 200 GB used. When all of it is used" in owner.get("/").text
    publish(page.paths.relay_status, replace(relay(), quota=QuotaStatus(10**9, 10**9, "2026-11")))
    answer = owner.get("/")
    assert WORDS[State.QUOTA_REACHED].title in answer.text
    assert "Data this month: 100 % of 1 GB used." in answer.text
    assert json.loads(page.visitor().get("/status.json").body)["state"] == "quota-reached"


@pytest.mark.costly
def test_trouble_of_the_lights_is_said(page: Page, owner: Visitor) -> None:
    page.paths.lights_status.write_text(
        json.dumps({"written": since_boot(), "state": "stopped", "trouble": "Pin 17 is in use."})
    )
    assert "Pin 17 is in use." in owner.get("/").text


@pytest.mark.costly
def test_lights_that_are_turned_off_are_said_to_be(page: Page, owner: Visitor) -> None:
    page.paths.owner_file.write_text("[lights]\nenabled = false\n")
    assert "turned off in porchlight.toml" in owner.get("/").text


@pytest.mark.costly
def test_status_for_programs_needs_no_login_and_holds_only_round_numbers(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    answer = page.visitor().get("/status.json")
    assert answer.headers["Content-Type"] == "application/json"
    status = json.loads(answer.body)
    assert status["state"] == "relaying-in-use"
    assert status["connections_up_to"] == 10
    assert status["upstreams"]["chat"] == {"reachable": True, "trouble": "", "cause": ""}
    assert status["ports"][0] == {"port": 443, "carries": "chat-tls", "trouble": ""}
    assert status["problems"] == []
    assert status["ownership"] == "claimed"
    assert status["looks"] == PATTERNS[State.RELAYING_IN_USE].looks
    assert status["version"]


@pytest.mark.costly
def test_only_its_owner_sees_when_somebody_comes_and_goes(page: Page, owner: Visitor) -> None:
    """A neighbour's device that asks every second, and has ten connections of its own, would else see each of them."""
    neighbour = page.visitor()

    def told(visitor: Visitor) -> tuple[int, str]:
        status = json.loads(visitor.get("/status.json").body)
        return status["connections_up_to"], status["people"]

    publish(page.paths.relay_status, relay(connections=10))
    before = told(neighbour)
    publish(page.paths.relay_status, relay(connections=11))
    assert told(neighbour) == before == (10, "Up to 10 connections")
    assert told(owner) == (20, "Up to 20 connections")
    publish(page.paths.relay_status, relay(connections=0))
    assert told(neighbour) == before
    assert told(owner) == (0, "Nobody is connected")


@pytest.mark.costly
def test_a_page_that_nobody_has_claimed_waits_for_its_owner(page: Page) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    status = json.loads(page.visitor().get("/status.json").body)
    assert status["ownership"] == "unclaimed"
    assert status["state"] == "waiting-to-be-claimed"


@pytest.mark.costly
def test_problems_are_told_to_programs_with_their_names_and_weights(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, replace(relay(trouble="Port 443 is in use by nginx."), connections=27500))
    visitor = page.visitor()
    problems = json.loads(visitor.get("/status.json").body)["problems"]
    assert problems == [{"id": "port-closed", "severity": "trouble"}, {"id": "nearly-full", "severity": "notice"}]
    (port, _full) = json.loads(owner.get("/status.json").body)["problems"]
    assert port["what"] == "Port 443 is in use by nginx."
    assert port["means"]
    assert port["todo"]
    found = samples(visitor.get("/metrics").body)
    counted = [found[("porchlight_problems", severity)] for severity in ("blocking", "trouble", "notice")]
    assert counted == [0.0, 1.0, 1.0]


@pytest.mark.costly
def test_a_stranger_at_home_reads_no_name_no_address_and_no_line_of_the_settings(page: Page, owner: Visitor) -> None:
    """What is wrong may be known to everybody on the home network; whose relay it is, and where, may not."""
    page.paths.owner_file.write_text('[name]\nupdate_url = "https://example.org:x/?token=hunter2"\n')
    publish(page.paths.relay_status, relay())
    page.paths.name_status.parent.mkdir()
    name = NameStatus(since_boot(), "", "relay.example.org", "off", address="80.100.100.1", points_to=("192.0.2.7",))
    publish_name(page.paths.name_status, replace(name, known=True))
    secrets = ("relay.example.org", "80.100.100.1", "192.0.2.7", "hunter2")
    # Somebody who looks at the start page has everything looked at anew.
    assert owner.get("/").status == 200
    told = owner.get("/status.json").body
    assert [one for one in secrets if one in told] == list(secrets)
    asked = page.visitor().get("/status.json").body
    assert {"name-elsewhere", "settings"} <= {one["id"] for one in json.loads(asked)["problems"]}
    assert [one for one in secrets if one in asked + page.visitor().get("/metrics").body] == []


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample as Prometheus' own parser reads it: its name and labels, and its value."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.costly
def test_metrics_are_read_by_prometheus_own_parser_and_are_round(page: Page, owner: Visitor) -> None:
    publish(page.paths.relay_status, relay(connections=3))
    answer = page.visitor().get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.body)
    assert found[("porchlight_state", "relaying-in-use")] == 1.0
    assert found[("porchlight_open_connections",)] == 10.0
    assert found[("porchlight_connections_total", "443")] == 120.0
    assert found[("porchlight_connections_total", "587")] == 0.0
    assert found[("porchlight_received_bytes_total", "443")] == 120_000_000.0
    assert found[("porchlight_refused_connections_total", "443", "full")] == 10.0
    assert ("porchlight_refused_connections_total", "443", "late") not in found
    assert found[("porchlight_handshake_failures_total", "443", "not-tls")] == 20.0
    assert found[("porchlight_something_new_total", "80")] == 70.0
    assert found[("porchlight_upstream_reachable", "chat")] == 1.0
    assert found[("porchlight_session_seconds_bucket", "1.0", "443")] == 10.0
    assert found[("porchlight_session_seconds_bucket", "10.0", "443")] == 20.0
    assert found[("porchlight_session_seconds_bucket", "+Inf", "443")] == 20.0
    assert found[("porchlight_quota_bytes",)] == 200e9
    assert found[("porchlight_quota_used_ratio",)] == 0.25
    assert "porchlight_session_seconds_sum" not in answer.body


@pytest.mark.costly
def test_metrics_stand_still_between_two_looks(page: Page) -> None:
    """Somebody who asks every second must not see when a connection comes or ends."""
    publish(page.paths.relay_status, relay())
    visitor = page.visitor()
    before = samples(visitor.get("/metrics").body)
    later = replace(relay(), counters={"connections": {"443": 500}}, by_reason={}, connections=73)
    publish(page.paths.relay_status, later)
    after = samples(visitor.get("/metrics").body)
    assert after.pop(("porchlight_status_age_seconds",)) >= 0
    assert before.pop(("porchlight_status_age_seconds",)) >= 0
    assert after == before


@pytest.mark.costly
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


@pytest.mark.costly
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(owner: Visitor) -> None:
    pages = [
        owner.get(path).body
        for path in ("/", "/share", "/name", "/open", "/outside", "/settings", "/settings/limits", "/nothing")
    ]
    for whole in [*pages, *(path.read_text() for path in STATIC.iterdir())]:
        # A link to the router of this machine's network, where there is one, is followed by hand and loads nothing.
        body = re.sub(r'<a [^>]*target="_blank" rel="noreferrer">', "", whole)
        assert not re.search(r"""(src|href|url|@import)\s*[=(]?\s*["']?(https?:)?//""", body)
        assert " style=" not in body
        assert not re.search(r"\son\w+=", body)
        assert not re.search(r"<script(?![^>]*src=)", body)
