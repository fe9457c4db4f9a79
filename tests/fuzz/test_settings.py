"""Damaged settings files: everything starts with what can be understood, and the page stays shut."""

import ipaddress
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask

from appliance import claim
from appliance.clock import since_boot
from appliance.firewall.rules import rules
from appliance.health.registry import problems_of
from appliance.lights.board import wiring_settings
from appliance.network.home import Home as Network
from appliance.page.doors import wanted_addresses
from appliance.page.owner import Ownership, ownership, read_record, record_file, write_record
from appliance.paths import Paths
from appliance.relay.ports import groups_of, ports_of
from appliance.router.rule import wish_of
from appliance.settings import Loaded, load, salvage
from appliance.settings.declared import Settings
from appliance.settings.kinds import bare_code
from appliance.settings.load import _decode
from appliance.status import relay
from appliance.status.facts import Facts
from appliance.status.state import state_of
from tests.boot.home import Home
from tests.fuzz.bending import overwrite, remembered
from tests.fuzz.counts import ASKED, cases
from tests.fuzz.settings_files import BY_HAND, SAVED, damaged
from tests.page.test_guard import HASH, OURS, make_app
from tests.relay.running import PATIENCE, wait_for
from tests.settings.test_load import FULL

NETWORK = Network(
    (ipaddress.ip_address("192.168.1.20"),),
    (ipaddress.ip_network("192.168.1.0/24"),),
    (ipaddress.ip_address("192.168.1.1"),),
)
# The page itself is asked in each so many cases, and the firewall's rules are made: that takes as long as ten others.
ASK_EVERY = 250
# They run beside each other: in one, all of ./test's cases take three minutes of a core.
PARTS = 4
# Seconds. A service that takes longer on a card, which is 20 times slower, would be taken for one that hangs.
LONGEST = 1.0
RIGHT = tuple((owners, SAVED) for owners in (BY_HAND, FULL.encode()))
RECORD = json.dumps({"hash": HASH, "generation": "a" * 32}).encode()
SHUT = ("/", "/share", "/settings", "/settings/backup", "/report.txt")
PLACES = ("--settings", "--state", "--run")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setattr(salvage, "whole_toml", remembered(salvage.whole_toml))
    return make_app(tmp_path)


# What the services make of their settings before they do anything.
def everything_is_made_of(settings: Settings, paths: Paths) -> None:
    ports = ports_of(settings.relay)
    groups_of(ports)
    opened = wish_of(settings).ports
    assert settings.page.port not in opened
    assert 8199 not in opened
    assert not set(opened) & set(settings.relay.balancer_ports)
    wanted_addresses(NETWORK, settings.page.listen)
    wiring_settings(settings.lights)


@pytest.mark.costly
@pytest.mark.parametrize("part", range(PARTS))
@cases(1000, 100_000)
def test_whatever_stands_in_the_settings(app: Flask, count: int, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    count //= PARTS
    paths = app.extensions["porchlight"].paths
    chance = random.Random(8 + part)  # noqa: S311
    paths.saved_settings.parent.mkdir(parents=True)
    loaded: Loaded
    # It reads what has just been read, which would be a third of all time.
    monkeypatch.setattr(claim, "load", lambda paths: loaded)
    fine = mistaken = 0
    for number, (owners, saved) in enumerate(damaged(count, seed=70 + part)):
        assert (owners, saved) not in RIGHT
        overwrite(paths.owner_file, owners)
        overwrite(paths.saved_settings, saved)
        try:
            loaded, took = _loaded(paths)
            # Once more where it is long: a virtual machine that stood still for a second counts it as this process's.
            assert took < LONGEST or _loaded(paths)[1] < LONGEST
            everything_is_made_of(loaded.settings, paths)
            facts = Facts(10.0, None, True, loaded.problems, settings=loaded.settings)
            state_of(facts, problems_of(facts))
            state = _card_is_shut(paths, loaded, chance)
            if number % ASK_EVERY == 0:
                _page_is_shut(app, state, chance)
                assert rules(loaded.settings, NETWORK).count("policy drop") == 3
        except Exception as error:
            error.add_note(f"case {number}: {owners[:2000]!r} {saved[:500]!r}")
            raise
        for problem in loaded.problems:
            assert problem.what
            assert problem.todo
            assert "my-own-code" not in problem.what or beside_another_name(owners)
        fine += not loaded.problems
        mistaken += bool(loaded.problems)
    assert fine > count // 50
    assert mistaken > count // 5


def _loaded(paths: Paths) -> tuple[Loaded, float]:
    """What a service would understand, and the seconds of a core that it takes."""
    begun = time.process_time()
    return load(paths), time.process_time() - begun


def beside_another_name(data: bytes) -> bool:
    """Whether chance has put the claim code on the line of another setting, or made it a name."""
    lines = [line for line in _decode(data).splitlines() if "my-own-code" in line]
    return any(line.partition("=")[0].strip() != "claim_code" and "=" in line for line in lines)


def _card_is_shut(paths: Paths, loaded: Loaded, chance: random.Random) -> Ownership:
    """Boot with these settings, claimed or not: nobody gets in without a code or a password."""
    record = record_file(paths)
    claimed = chance.random() < 0.7
    if claimed:
        overwrite(record, RECORD)
    else:
        record.unlink(missing_ok=True)
    state = claim.prepare(paths)
    chosen = loaded.settings.page.claim_code
    known = claim.read_claim(paths)
    assert known
    if claimed and state is Ownership.UNCLAIMED:
        # Only by a code that stands in the owner's file, which is then the one that is asked for.
        assert chosen
        assert known.code == chosen
    if state is Ownership.UNCLAIMED:
        assert bare_code(known.code)
        assert claim.is_right(paths, known.code)
    else:
        assert read_record(paths)
    assert not claim.is_right(paths, chance.choice(("", "guessed")))
    assert ownership(paths) is state
    return state


def _page_is_shut(app: Flask, state: Ownership, chance: random.Random) -> None:
    """Nobody sees anything of it."""
    answer = app.test_client().get(chance.choice(SHUT), base_url=OURS)
    assert answer.status_code in (303, 308, 404), answer.status_code
    if answer.status_code == 303:
        assert answer.headers["Location"] == ("/claim" if state is Ownership.UNCLAIMED else "/login")


# ---- with the real programs


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Home]:
    """A namespace in which any port may be had."""
    name = f"porchlight-settings-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield Home(name, tmp_path)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


SERVICES = {"relay": (), "page": (), "lights": ("--terminal",), "router": ()}


def started(house: Home, paths: Paths, log: Path) -> dict[str, subprocess.Popen[bytes]]:
    places = [
        word for pair in zip(PLACES, (paths.owner_file, paths.state, paths.run), strict=True) for word in map(str, pair)
    ]
    found = {}
    for name, options in SERVICES.items():
        (paths.run / name).mkdir(parents=True, exist_ok=True)
        with (log / name).open("wb") as output:
            found[name] = subprocess.Popen(
                house.command(sys.executable, "-m", "appliance", name, *options, *places),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
    return found


@pytest.mark.costly
@pytest.mark.namespaces
@pytest.mark.timeout(0 if ASKED else 300)
@cases(1, 3, soak=1e-5, computing=False)
def test_every_service_starts_whatever_stands_there(house: Home, tmp_path: Path, count: int) -> None:
    # Ones with a mistake in them; the first of all shows that what is right is right.
    chosen = [(BY_HAND, b""), *damaged(count, seed=9)]
    for number, (owners, saved) in enumerate(chosen):
        folder = tmp_path / str(number)
        paths = Paths(folder / "fat" / "porchlight.toml", folder / "state", folder / "run")
        for one in (paths.owner_file.parent, paths.saved_settings.parent, paths.page_state):
            one.mkdir(parents=True)
        paths.owner_file.write_bytes(owners)
        paths.saved_settings.write_bytes(saved)
        paths.run.mkdir()
        write_record(paths, HASH)
        settings = load(paths).settings
        running = started(house, paths, folder)
        begun = since_boot()
        try:
            spoken = {"relay": paths.relay_status, "page": paths.page_status}
            spoken |= {"lights": paths.lights_status, "router": paths.router_status}
            wait_for(
                lambda spoken=spoken, running=running: (  # type: ignore[misc]
                    all(file.exists() for file in spoken.values())
                    or any(one.poll() is not None for one in running.values())
                ),
                f"all to say something: {owners!r} {saved!r}",
            )
            for name, program in running.items():
                assert program.poll() is None, (folder / name).read_text()
            found = relay.read(paths.relay_status)
            assert found
            assert found.written >= begun - 1
            _is_shut_from_inside(house, settings)
            for name, program in running.items():
                assert program.poll() is None
                assert "Traceback" not in (folder / name).read_text(), (folder / name).read_text()
        finally:
            for program in running.values():
                program.send_signal(signal.SIGTERM)
            for program in running.values():
                with suppress(subprocess.TimeoutExpired):
                    program.wait(PATIENCE)
                program.kill()
                program.wait()


def _is_shut_from_inside(house: Home, settings: Settings) -> None:
    """A browser on the device itself: asked for a password, or for nothing where the page may not listen."""

    def ask() -> bytes:
        try:
            with socket.create_connection(("127.0.0.1", settings.page.port), PATIENCE) as connection:
                connection.sendall(b"GET /share HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                return b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError:
            return b""

    answer = house.inside(ask)
    assert b" 200 " not in answer[:20], answer
