"""The demo's pieces: ports, settings, the stand-in for WhatsApp's servers, and a self-test that can fail."""

import socket
from pathlib import Path

import pytest

from appliance.demo.household import Ports, free_ports, set_up
from appliance.demo.trial import trials
from appliance.demo.upstream import HOST, without_header
from appliance.errors import PorchlightError
from appliance.paths import Paths
from appliance.settings.load import load
from appliance.settings.save import save

PORTS = Ports(upstream_chat=40001, upstream_media=40002)


def numbers(ports: Ports) -> list[int]:
    return [getattr(ports, name) for name in Ports.__dataclass_fields__]


def test_ports_are_free_unprivileged_and_all_different() -> None:
    found = numbers(free_ports())
    assert len(set(found)) == len(found)
    assert all(number >= 1024 for number in found)


def test_a_port_that_is_taken_or_needs_privilege_is_replaced() -> None:
    with socket.create_server((HOST, 0)) as taken:
        number = taken.getsockname()[1]
        found = free_ports(Ports(chat_tls=number, chat=number, media=number, page=number))
    assert number not in numbers(found)


def test_the_settings_have_no_mistake_and_keep_the_relay_on_this_computer(tmp_path: Path) -> None:
    loaded = load(set_up(tmp_path, PORTS))
    assert loaded.problems == ()
    relay = loaded.settings.relay
    assert (relay.listen, relay.chat_tls_port, relay.chat_ports, relay.media_ports) == ((HOST,), 8443, (5222,), (8587,))
    assert all(one.startswith(HOST) for one in (*relay.upstream.chat, *relay.upstream.http, *relay.upstream.media))
    assert loaded.settings.page.listen == (HOST,)


def test_what_the_page_saved_outlives_the_demo_in_a_folder_of_ones_own(tmp_path: Path) -> None:
    save(set_up(tmp_path, PORTS), {"share.domain": "relay.example.org"})
    share = load(set_up(tmp_path, Ports(chat_tls=9443))).settings.share
    assert (share.domain, share.chat_port) == ("relay.example.org", 9443)


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(PorchlightError, match="--folder"):
        set_up(tmp_path / "nowhere", PORTS)


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nWA\x06\x03rest", b"WA\x06\x03rest"),
        (b"PROXY UNKNOWN\r\n", b""),
        (b"WA\x06\x03\r\nrest", b"WA\x06\x03\r\nrest"),
        (b"", b""),
    ],
)
def test_the_stand_in_echoes_the_conversation_and_not_the_header(data: bytes, left: bytes) -> None:
    assert without_header(data) == left


def test_a_self_test_without_a_relay_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("appliance.demo.trial.SECONDS", 0.2)
    paths = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    found = dict(trials(free_ports(), paths))
    assert list(found) == ["chat in TLS", "chat", "media", "setup page", "lights"]
    assert all(found.values())
    assert found["chat"].startswith("ConnectionRefusedError")
