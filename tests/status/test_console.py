"""The screen: addresses, state and claim code on a terminal, and never anywhere else."""

import ipaddress
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance import claim, console
from appliance.claim import code_to_show
from appliance.network.home import Home
from appliance.paths import Paths
from appliance.settings import load
from appliance.status.gather import Situation, Watch
from appliance.status.state import Facts, State


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(tmp_path / "porchlight.toml", tmp_path / "state", tmp_path / "run")
    found.owner_file.touch()
    claim.prepare(found)
    return found


def situation(paths: Paths, *addresses: str) -> Situation:
    home = Home(tuple(ipaddress.ip_address(one) for one in addresses), (), ())
    return Situation(State.STARTING, Facts(1.0, None, True), home, load(paths))


def test_the_screen_names_the_page_by_name_and_number_and_the_code(paths: Paths) -> None:
    lines = console.screen(situation(paths, "192.168.1.20", "fe80::1"), "7KQ4-MXRP", ("Something is wrong.",)).split(
        "\n"
    )
    assert "    http://porchlight.local/" in lines
    assert "    http://192.168.1.20:8199/" in lines
    assert "Claim code: 7KQ4-MXRP" in lines
    assert "Getting ready." in lines
    assert "  * Something is wrong." in lines


def test_a_claimed_card_shows_no_code_and_a_card_without_network_says_so(paths: Paths) -> None:
    text = console.screen(situation(paths), "")
    assert "Claim code" not in text
    assert "no address yet" in text


def read_some(terminal: int, until: str, seconds: float = 20.0) -> str:
    """What a terminal showed, until a text appears."""
    os.set_blocking(terminal, False)
    text, deadline = "", time.monotonic() + seconds
    while until not in text and time.monotonic() < deadline:
        try:
            text += os.read(terminal, 65536).decode()
        except BlockingIOError:
            time.sleep(0.05)
    return text


def test_it_is_drawn_on_the_kernels_consoles_and_only_when_something_changed(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    near, far = pty.openpty()
    try:
        monkeypatch.setattr(console, "consoles", lambda: [os.ttyname(far), "/dev/does-not-exist"])
        shown: dict[str, str] = {}
        watch = Watch(paths)
        console.show_changes(paths, watch, shown)
        code = code_to_show(paths)
        assert f"\r\nClaim code: {code}\r\n" in read_some(near, f"Claim code: {code}\r\n")
        console.show_changes(paths, watch, shown)
        assert read_some(near, "never", 0.3) == ""
    finally:
        os.close(near)
        os.close(far)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_that_takes_nothing_is_left_alone_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = pty.openpty()
    try:
        monkeypatch.setattr(console, "WRITE_TAKES", 0.3)
        begun = time.monotonic()
        assert not console.write(os.ttyname(far), "x" * 1_000_000)
        assert time.monotonic() - begun < 5
    finally:
        os.close(near)
        os.close(far)


def test_the_kernel_names_its_consoles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "ACTIVE", tmp_path / "active")
    assert console.consoles() == []
    console.ACTIVE.write_text("tty0 ttyS1\n")
    assert console.consoles() == ["/dev/tty1", "/dev/ttyS1"]


def test_its_output_is_no_place_for_the_code(paths: Paths, tmp_path: Path) -> None:
    places = ["--settings", str(paths.owner_file), "--state", str(paths.state), "--run", str(paths.run)]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen([sys.executable, "-m", "appliance.console", *places], stdout=out, stderr=out)
        time.sleep(2)
        assert process.poll() is None
        process.terminate()
        process.wait(20)
    assert code_to_show(paths) not in (tmp_path / "out").read_text()
