"""The report for maintainers: what it tells, and that whatever stands in files and settings cannot get into it."""

import json
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import report
from appliance.clock import since_boot
from appliance.paths import Paths
from appliance.report import OTHER, about_relay, as_text, board_of, collect
from appliance.settings.problem import Problem
from appliance.status import relay as relay_status
from appliance.status.knock import KnockStatus
from appliance.status.relay import CertificateServed, PortStatus, QuotaStatus, RelayStatus, UpstreamStatus
from tests.relay.conftest import StartRelay, certificate_file, start_relay, upstream
from tests.relay.running import Upstream, read_exactly, wait_for
from tests.relay.test_evidence import header
from tests.relay.test_wire import HELLO

# Fixtures of another folder.
__all__ = ["certificate_file", "start_relay", "upstream"]

IPV4 = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])")
IPV6 = re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,}")
MAC = re.compile(r"(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}")
DOMAIN = re.compile(r"[a-z0-9-]+\.(?:org|net|com|local|test|example|arpa)\b", re.IGNORECASE)
KNOWN = ("no-network", "clock", "not-reached")
# What must never leave the device; each is put wherever a text can stand.
SECRETS = (
    "203.0.113.9",
    "2001:db8::9",
    "b8:27:eb:70:6c:69",
    "relay.example.org",
    "myhome.duckdns.org",
    "my-cards-name",
    "s3cret-token",
    "100000000abcdef0",
)


def hostile(secret: str) -> RelayStatus:
    """A status in which every text is something that must not be told."""
    return RelayStatus(
        written=1.0,
        version=secret,
        phase=secret,
        workers=2,
        connections=3,
        max_connections=1000,
        ports=(PortStatus(443, secret, secret, 60), PortStatus(587, "media")),
        upstreams={secret: UpstreamStatus(False, secret), "chat": UpstreamStatus(False, secret)},
        counters={secret: {"443": 100}, "connections": {secret: 100, "443": 123}},
        by_reason={secret: {"443": {"full": 50}}, "refused": {"443": {secret: 50, "full": 55}}},
        quota=QuotaStatus(100, 50, secret, secret),
        resting=secret,
        certificate=CertificateServed(secret, 1),
        knock=KnockStatus(secret, 1, True, False, True, 443),
        problems=(Problem(secret, secret, secret),),
    )


def assert_clean(text: str) -> None:
    for secret in (*SECRETS, socket.gethostname()):
        assert secret not in text
    for pattern in (IPV4, IPV6, MAC, DOMAIN):
        found = [one for one in pattern.findall(json_words(text))]
        assert not found, found


def json_words(text: str) -> str:
    """The names and values of a report, one a line: the form's own colons are no address."""
    lines: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for name, one in value.items():
                lines.append(name)
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)
        else:
            lines.append(str(value))

    walk(json.loads(text))
    return "\n".join(lines)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    for folder in (found.state, *(found.run / name for name in report.SERVICES)):
        folder.mkdir(parents=True)
    return found


@pytest.mark.parametrize("secret", SECRETS)
def test_no_text_of_another_program_gets_in(paths: Paths, secret: str) -> None:
    relay_status.publish(paths.relay_status, hostile(secret))
    for name in report.SERVICES[1:]:
        (paths.run / name / "status.json").write_text(json.dumps({"written": 5.0, "name": secret, "outer": secret}))
    paths.owner_file.write_text(
        f'[relay]\nmax_connections = 500\n[share]\ndomain = "{secret}"\n[page]\nclaim_code = "{secret}-{secret}"\n'
        f'"{secret}" = 1\n["{secret}"]\nx = 1\n'
    )
    found = collect(paths, secret, [secret, "no-network"], KNOWN)
    text = as_text(found)
    assert secret not in text
    assert_clean(text)
    # What was known is there.
    assert found.problems == ("no-network", OTHER)
    assert found.state == OTHER
    assert found.relay
    assert found.relay["reasons"] == {"refused": {"443": {"full": 50}}}
    assert found.relay["counters"] == {"connections": {"443": 120}}
    assert found.relay["ports"][0] == {
        "port": 443,
        "carries": OTHER,
        "open": False,
        "reached_outside": found.relay["ports"][0]["reached_outside"],
    }
    assert {"relay.max_connections", "page.claim_code"} <= set(found.changed_settings)


WORDS = st.text(max_size=30) | st.sampled_from(SECRETS) | st.ip_addresses().map(str)


@given(WORDS, WORDS, WORDS, st.integers(0, 10**9))
def test_whatever_the_relay_s_status_holds_is_reduced_to_what_is_known(one: str, two: str, three: str, n: int) -> None:
    status = replace(
        hostile(one),
        phase=two,
        counters={three: {one: n}, "connections": {two: n}},
        by_reason={"refused": {"443": {three: n}}, "connect_seconds": {two: {three: n}}},
    )
    told = json.dumps(about_relay(status, 100.0))
    for secret in SECRETS:
        assert secret not in told
    assert not IPV4.search(told)


def test_every_field_is_a_number_yes_or_no_or_a_word_of_a_list(paths: Paths) -> None:
    relay_status.publish(paths.relay_status, hostile("203.0.113.9"))
    allowed = re.compile(r"[A-Za-z0-9+._ -]{0,60}")
    for line in json_words(as_text(collect(paths, "relaying", ["clock"], KNOWN))).splitlines():
        assert allowed.fullmatch(line), line


def test_what_a_maintainer_needs_is_there(paths: Paths) -> None:
    status = RelayStatus(
        since_boot(),
        "0.1.0",
        "running",
        workers=4,
        connections=17,
        max_connections=9000,
        ports=(PortStatus(443, "chat-tls", "", int(max(0.0, since_boot() - 600))), PortStatus(587, "media", "in use")),
        upstreams={"chat": UpstreamStatus(True), "media": UpstreamStatus(None)},
        counters={"connections": {"443": 1234}, "bytes_to_people": {"443": 98_765_432}},
        by_reason={"refused": {"443": {"late": 25, "tls": 3}}, "connect_seconds": {"443": {"0.01": 20, "+Inf": 0}}},
        certificate=CertificateServed("public", 5),
        resting="paused",
    )
    relay_status.publish(paths.relay_status, status)
    found = collect(paths, "relaying-in-use", ["not-reached", "not-reached"], KNOWN)
    assert found.state == "relaying-in-use"
    assert found.problems == ("not-reached",)
    assert found.up_minutes == pytest.approx(since_boot() / 60, abs=1.1)
    assert found.memory_mib["MemTotal"] > 0
    assert re.fullmatch(r"[0-9.]+", found.kernel)
    assert found.status_seconds["relay"] < 60
    assert found.card_free_mib > 0
    assert found.relay is not None
    assert found.relay["counters"]["bytes_to_people"] == {"443": 90_000_000}
    assert found.relay["reasons"] == {"refused": {"443": {"late": 20}}}
    assert found.relay["upstreams"] == {"chat": True, "media": None}
    assert found.relay["resting"] == "paused"
    assert [one["open"] for one in found.relay["ports"]] == [True, False]
    assert [one["reached_outside"] for one in found.relay["ports"]] == ["within a day", "never"]
    assert_clean(as_text(found))


def test_without_anything_there_is_a_report_all_the_same(tmp_path: Path) -> None:
    found = collect(Paths(tmp_path / "a", tmp_path / "b", tmp_path / "c"), "stopped", [], KNOWN)
    assert found.relay is None
    assert found.status_seconds == {}
    assert_clean(as_text(found))


@pytest.mark.parametrize(
    ("model", "board"),
    [
        ("Raspberry Pi 3 Model B Rev 1.2\0", "Raspberry Pi 3 Model B Rev 1.2"),
        ("Raspberry Pi Zero 2 W Rev 1.0\0", "Raspberry Pi Zero 2 W Rev 1.0"),
        ("Raspberry Pi 400 Rev 1.0\0", "Raspberry Pi 400 Rev 1.0"),
        ("Raspberry Pi 5 Model B Rev 1.0\0", "Raspberry Pi 5 Model B Rev 1.0"),
        ("Raspberry Pi Model B Plus Rev 1.2", "Raspberry Pi Model B Plus Rev 1.2"),
        ("My Laptop of Ada", OTHER),
        ("", OTHER),
    ],
)
def test_the_board(model: str, board: str) -> None:
    assert board_of(model) == board


@pytest.mark.costly
def test_of_a_relay_that_people_have_used_nothing_of_theirs_is_told(
    start_relay: StartRelay, upstream: Upstream
) -> None:
    relay = start_relay(send_proxy="off", max_connections=100)
    for number in range(12):
        client = relay.connect(relay.balancer, header(f"203.0.113.{number}") + HELLO)
        server = upstream.next()
        server.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
    wait_for(lambda: relay.status["counters"]["connections"][str(relay.balancer)] == 12, "the connections")
    places = Paths(relay.folder / "porchlight.toml", relay.folder / "state", relay.folder / "run")
    found = collect(places, "relaying", [], KNOWN)
    text = as_text(found)
    assert_clean(text)
    assert "203.0.113" not in text
    assert found.relay is not None
    assert found.relay["counters"]["connections"][str(relay.balancer)] == 10
    assert "relay.upstream.chat" in found.changed_settings


def test_the_minute_in_which_somebody_came_is_not_told() -> None:
    """The report is for a public place, and a relay may have one single user."""

    def told(ago: int) -> str:
        port = PortStatus(443, "chat-tls", "", 1_000_000 - ago)
        status = RelayStatus(1_000_000.0, "0.1.0", "running", connections=1, ports=(port,), used_lately=True)
        return json.dumps(about_relay(status, 1_000_000.0))

    day = 86_400
    assert told(0) == told(3600) == told(day - 1) != told(day)
    assert told(day) == told(3 * day - 1) != told(3 * day)
    assert told(3 * day) == told(9 * day)
    assert "connections_up_to" not in told(0)
