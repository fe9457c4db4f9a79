"""The screen: addresses, state and claim code in a file of the page's own, drawn on terminals and put nowhere else."""

import ipaddress
import logging
import os
import pty
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from appliance import claim
from appliance.claim import code_to_show
from appliance.network.home import Home
from appliance.paths import Paths
from appliance.settings import load
from appliance.status.gather import Situation, Watch
from appliance.status.screen import Screen, screen
from appliance.status.state import Facts, State

DRAW = Path(__file__).parent.parent.parent / "image/files/usr/lib/porchlight/show-console"


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
    text = screen(situation(paths, "192.168.1.20", "fe80::1"), "7KQ4-MXRP", ("Something is wrong.",))
    assert text.startswith("porchlight ")
    for line in (
        "  http://porchlight.local/",
        "  http://192.168.1.20:8199/",
        "Claim code: 7KQ4-MXRP",
        "Getting ready.",
    ):
        assert f"\n{line} " in text
    assert "\n* Something is wrong.\n" in text


def test_where_the_page_is_shut_no_address_of_it_is_shown(paths: Paths) -> None:
    """With a public address alone; nor is such a one where another leads to the page."""
    text = screen(situation(paths, "80.1.2.20", "2a01:4f8::20", "fe80::1"), "7KQ4-MXRP")
    assert "\nThe setup page is shut at this card's public address, by which anybody" in text
    assert "http" not in text
    assert "80.1.2.20" not in screen(situation(paths, "80.1.2.20", "10.0.0.20"), "7KQ4-MXRP")


def test_a_long_code_of_the_owners_is_shown_whole_and_nothing_beside_it(paths: Paths) -> None:
    text = screen(situation(paths, "192.168.1.20"), "W" * 64)
    assert f"\nClaim code: {'W' * 64}\n" in text
    assert "█" not in text
    assert max(map(len, text.split("\n"))) < 80


def test_a_claimed_card_shows_no_code_and_a_card_without_network_says_so(paths: Paths) -> None:
    text = screen(situation(paths), "")
    assert "Claim code" not in text
    assert "no address yet" in text
    assert "█" not in text


@pytest.mark.parametrize("state", State)
def test_it_fits_the_smallest_console_whatever_the_state(paths: Paths, state: State) -> None:
    many = tuple(f"Problem number {number}, which is told in a rather long sentence." for number in range(9))
    addresses = ("192.168.255.255", "192.168.178.120", "172.16.100.100")
    text = screen(replace(situation(paths, *addresses), state=state), "7KQ4-MXRP", many)
    lines = text.split("\n")
    # The last newline leaves the cursor on a line of its own.
    assert len(lines) <= 25
    assert max(map(len, lines)) < 80
    assert "http://192.168.255.255:8199/" in text
    assert "Problem number 0" in text
    # A problem stands there as a whole or not at all.
    words = " ".join(text.translate(dict.fromkeys(map(ord, "█▀▄"))).split())
    assert words.count("* Problem number") == words.count("rather long sentence.") > 0


def test_people_who_come_and_go_change_nothing(paths: Paths) -> None:
    before = situation(paths, "192.168.1.20")
    seen = {screen(replace(before, state=state), "") for state in (State.RELAYING, State.RELAYING_IN_USE)}
    assert len(seen) == 1
    assert "obody is connected" not in seen.pop()


def test_the_file_is_for_the_pages_user_and_written_only_when_something_changed(paths: Paths) -> None:
    shown = Screen(paths, Watch(paths))
    shown.follow()
    first = paths.screen.stat()
    assert first.st_mode & 0o777 == 0o600
    assert f"\nClaim code: {code_to_show(paths)}" in paths.screen.read_text()
    shown.follow()
    assert paths.screen.stat().st_ino == first.st_ino


def test_a_file_that_cannot_be_written_is_said_once_and_tried_again(
    paths: Paths, caplog: pytest.LogCaptureFixture
) -> None:
    paths.run.mkdir()
    paths.screen.parent.write_text("in the way")
    shown = Screen(paths, Watch(paths))
    with caplog.at_level(logging.ERROR):
        shown.follow()
        shown.follow()
    assert len(caplog.records) == 1
    assert code_to_show(paths) not in caplog.text
    paths.screen.parent.unlink()
    shown.follow()
    assert code_to_show(paths) in paths.screen.read_text()


def draw(tmp_path: Path, text: str, *terminals: str) -> subprocess.CompletedProcess[str]:
    """Run the card's script, whose three fixed paths are led into a folder."""
    (tmp_path / "active").write_text(" ".join(terminals) + "\n")
    (tmp_path / "screen").write_text(text)
    script = DRAW.read_text().replace("/sys/class/tty/console/active", str(tmp_path / "active"))
    script = script.replace("/run/porchlight/page/screen", str(tmp_path / "screen")).replace("/dev/", f"{tmp_path}/")
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30, check=False)


def test_the_consoles_show_it_and_nothing_else_does(tmp_path: Path) -> None:
    near, far = pty.openpty()
    try:
        os.symlink(os.ttyname(far), tmp_path / "ttyS1")
        (tmp_path / "tty1").touch()
        result = draw(tmp_path, "Claim code: 7KQ4-MXRP\n", "tty0", "ttyS1", "ttyGone")
        assert result.returncode == 0
        assert result.stdout == ""
        assert "7KQ4" not in result.stderr
        assert os.read(near, 4096) == b"Claim code: 7KQ4-MXRP\r\n"
        assert (tmp_path / "tty1").read_text() == "\x1b[?25l\x1b[2J\x1b[HClaim code: 7KQ4-MXRP\n"
    finally:
        os.close(near)
        os.close(far)


def test_a_terminal_that_takes_nothing_is_left_alone_in_time(tmp_path: Path) -> None:
    near, far = pty.openpty()
    try:
        os.symlink(os.ttyname(far), tmp_path / "ttyS1")
        begun = time.monotonic()
        assert draw(tmp_path, "x" * 1_000_000, "ttyS1").returncode == 0
        assert time.monotonic() - begun < 20
    finally:
        os.close(near)
        os.close(far)
