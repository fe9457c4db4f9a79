"""How the rules follow network and settings: what the page asks for, and what is done about it."""

import dataclasses
import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import PorchlightError
from appliance.firewall import __main__ as firewall
from appliance.firewall import made_from
from appliance.network.home import Home
from appliance.page import shielding
from appliance.page.shielding import Shield
from appliance.paths import Paths
from tests.firewall.lane import HOME, NEIGHBOUR, STRANGER, Lane

MOVED = dataclasses.replace(HOME, gateways=(ipaddress.ip_address("192.168.77.9"),))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An instance with the folder that the firewall's service makes."""
    made = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    for folder in (made.saved_settings.parent, made.firewall_status.parent, made.firewall_request.parent):
        folder.mkdir(parents=True)
    return made


def test_the_page_asks_when_the_rules_are_of_another_home(paths: Paths) -> None:
    shield = Shield(paths)
    shield.follow(HOME)
    assert paths.firewall_request.exists()
    paths.firewall_request.unlink()
    made_from.write(paths.firewall_status, made_from.digest(HOME, paths))
    shield.follow(HOME)
    assert not paths.firewall_request.exists()
    shield.follow(MOVED)
    assert paths.firewall_request.exists()


def test_the_page_asks_when_it_has_saved_something(paths: Paths) -> None:
    made_from.write(paths.firewall_status, made_from.digest(HOME, paths))
    paths.saved_settings.write_text("[relay]\n")
    Shield(paths).follow(HOME)
    assert paths.firewall_request.exists()


def test_the_page_does_not_press(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rules cannot be made, asking all the time would take a tenth of a Pi 3."""
    now = 1000.0
    monkeypatch.setattr(shielding, "since_boot", lambda: now)
    shield = Shield(paths)
    shield.follow(HOME)
    paths.firewall_request.unlink()
    shield.follow(HOME)
    assert not paths.firewall_request.exists()
    now += shielding.AGAIN
    shield.follow(HOME)
    assert paths.firewall_request.exists()


def test_where_there_is_no_firewall_nobody_asks(tmp_path: Path) -> None:
    elsewhere = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    Shield(elsewhere).follow(HOME)
    assert not elsewhere.run.exists()


def test_an_order_of_addresses_changes_nothing(paths: Paths) -> None:
    other = Home(HOME.addresses, HOME.prefixes[::-1], HOME.gateways[::-1])
    assert made_from.digest(HOME, paths) == made_from.digest(other, paths) != made_from.digest(MOVED, paths)


def test_what_has_failed_is_asked_for_again(paths: Paths) -> None:
    made_from.write(paths.firewall_status, made_from.FAILED)
    Shield(paths).follow(HOME)
    assert paths.firewall_request.exists()
    made_from.write(paths.firewall_status, made_from.digest(HOME, paths))
    assert not made_from.failed(paths.firewall_status)


@pytest.mark.parametrize("damaged", ["", "{}", "[]", '{"made_from": ', "\0"])
def test_a_damaged_note_counts_as_none(paths: Paths, damaged: str) -> None:
    paths.firewall_status.write_text(damaged)
    assert made_from.read(paths.firewall_status) == ""


def test_rules_that_are_refused_are_told_and_not_noted(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("/bin/false", "/nothing"):
        monkeypatch.setattr(firewall, "NFT", program)
        paths.firewall_request.touch()
        with pytest.raises(PorchlightError, match="The former rules stay"):
            firewall.follow(paths)
        assert made_from.failed(paths.firewall_status)
        # Taken all the same, or its service would be started for ever.
        assert not paths.firewall_request.exists()


@pytest.fixture
def lane() -> Iterator[Lane]:
    with Lane() as made:
        yield made


@pytest.mark.namespaces
@pytest.mark.xdist_group("firewall")
def test_the_service_makes_them_of_what_there_is(lane: Lane, paths: Paths) -> None:
    paths.owner_file.write_text("[relay]\nchat_ports = [2000]\n")
    paths.firewall_request.touch()
    command = ["ip", "netns", "exec", lane.card, sys.executable, "-m", "appliance.firewall"]
    command += ["--settings", str(paths.owner_file), "--state", str(paths.state), "--run", str(paths.run)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    assert not paths.firewall_request.exists()
    assert made_from.read(paths.firewall_status)
    assert [lane.comes_in(STRANGER, port) for port in (2000, 443, 5222, 8199)] == ["open", "open", "refused", "refused"]
    assert lane.comes_in(NEIGHBOUR, 8199) == "open"
