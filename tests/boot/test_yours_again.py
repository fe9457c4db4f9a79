"""The last two things that somebody does with the board: claims it again by its button, and switches it off."""

import time

import pytest

from appliance.lights.language import ALL, DARK
from appliance.status.state import State
from tests.boot.board import BOOT_TAKES, BUTTON, Board
from tests.boot.conftest import NOTICED

# Seconds for everything to end, on a busy machine.
ENDS_WITHIN = 120.0


@pytest.fixture(scope="module")
def running(board: Board) -> Board:
    """Whatever was done to it before, it has an owner or waits for one."""
    board.eye.wait_for((State.WAITING_TO_BE_CLAIMED, State.RELAYING, State.RELAYING_IN_USE), BOOT_TAKES)
    return board


def test_a_long_press_asks_for_a_code_again(running: Board) -> None:
    before = len(running.console.text)
    running.hand.press(BUTTON)
    time.sleep(5)
    running.hand.let_go(BUTTON)
    running.console.wait_for(r"Claim code: ([0-9A-Z]{4}-[0-9A-Z]{4})\b", NOTICED, before)
    running.eye.wait_for(State.WAITING_TO_BE_CLAIMED, NOTICED, time.monotonic())
    assert running.shell.run("ls /run/porchlight/lights/request", check=False).startswith("ls:")


def test_switched_off_it_says_when_the_plug_may_be_pulled(running: Board) -> None:
    """All three lights are on when nothing is mounted any more for writing, and stay on: it was halted."""
    since = time.monotonic()
    # What `systemctl halt` does, which asks a bus first that the card does not have.
    running.shell.run("systemctl start halt.target --job-mode=replace-irreversibly --no-block")
    running.console.wait_for("System halted", ENDS_WITHIN)
    running.eye.wait_for(State.SAFE_TO_UNPLUG, ENDS_WITHIN, since)
    time.sleep(3)
    assert running.levels().lit == ALL
    assert DARK not in [one.frame for one in running.eye.looks(time.monotonic() - 2)]
