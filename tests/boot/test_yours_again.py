"""The last things somebody does with the board: claims it again by its button, makes it forget, switches it off."""

import time

import pytest

from appliance.lights.button import LONG
from appliance.lights.language import ALL, AMBER, DARK
from appliance.lights.scenes import HELD_VERY_LONG
from appliance.status.state import State
from tests.boot.board import BOOT_TAKES, BUTTON, Board
from tests.boot.conftest import NOTICED
from tests.boot.eye import find, spans, told
from tests.boot.owner import CODE, DOMAIN, HOME_PAGE, PASSWORD, claim, set_domain

# Seconds for everything to end, on a busy machine.
ENDS_WITHIN = 120.0
SAVED = "/var/lib/porchlight/settings/saved.toml"
# What is to be gone after the second time.
KEPT = "/var/lib/porchlight/settings/kept"


@pytest.fixture(scope="module")
def running(board: Board) -> Board:
    """Whatever was done to it before, it has an owner or waits for one."""
    board.eye.wait_for((State.WAITING_TO_BE_CLAIMED, State.RELAYING, State.RELAYING_IN_USE), BOOT_TAKES)
    return board


@pytest.fixture(scope="module")
def claimable(running: Board) -> str:
    """Somebody has held its button down for five seconds; the code that was shown then."""
    before = len(running.console.text)
    running.hand.press(BUTTON)
    time.sleep(5)
    running.hand.let_go(BUTTON)
    return running.console.wait_for(CODE, NOTICED, before)[1]


@pytest.fixture(scope="module")
def forgotten(running: Board, claimable: str) -> str:
    """It was claimed and named, and then forgot everything on the owner's word; what a search on the card said then.

    Somebody has held the button down since before the power came back, which saves a boot. The lights tell what letting
    go would do now, and for a minute at most.
    """
    owner = claim(running)
    assert owner.code == claimable
    set_domain(owner.visitor, DOMAIN)
    # An emulated board that starts again has lost its network adapter (board.py): so it is switched on anew then.
    running.monitor.execute("set-action", reboot="shutdown")
    page = owner.visitor.get(f"{HOME_PAGE}settings/forget")
    page = owner.visitor.submit(page, page.form_with("password"), password=PASSWORD)
    assert page.status == 200, page.text
    start_again(running, held=True)
    deadline = time.monotonic() + BOOT_TAKES
    while find(HELD_VERY_LONG.three, running.eye.looks()) is None:
        assert time.monotonic() < deadline, f"the button is not seen; the lights: {told(running.eye.looks())}"
        time.sleep(0.2)
    search = f"ls -d /var/lib/porchlight/forget {SAVED}; grep -rlF {DOMAIN} /var/lib/porchlight || echo nowhere"
    return running.shell.run(f"{search}; touch {KEPT}; sync", check=False)


def start_again(board: Board, *, held: bool = False) -> None:
    """Wait until it has asked to be started again, and do that."""
    deadline = time.monotonic() + ENDS_WITHIN
    while board.is_on:
        assert time.monotonic() < deadline, f"it does not start again:\n{board.console.tail()}"
        time.sleep(0.5)
    board.pull_the_plug()
    board.switch_on(held=held)


def test_a_long_press_asks_for_a_code_again(running: Board, claimable: str) -> None:
    running.eye.wait_for(State.WAITING_TO_BE_CLAIMED, NOTICED, time.monotonic())
    assert running.shell.run("ls /run/porchlight/lights/request", check=False).startswith("ls:")


def test_forgets_everything_on_the_owners_word(forgotten: str) -> None:
    assert forgotten.count("No such file") == 2, forgotten
    assert forgotten.endswith("nowhere")


def test_forgets_everything_when_the_button_is_held_while_the_power_comes(
    running: Board, claimable: str, forgotten: str
) -> None:
    """Five seconds are enough then, and on the way there nothing offers to ask for a code only."""
    looks = running.eye.looks()
    shown = find(HELD_VERY_LONG.three, looks)
    assert shown
    before = [one for one in spans(looks) if one.end <= shown.begin]
    assert not [one for one in before if one.frame == AMBER and one.lasts >= LONG], told(looks, last=None)
    running.monitor.execute("set-action", reboot="shutdown")
    running.hand.let_go(BUTTON)
    start_again(running)
    assert running.console.wait_for(CODE, BOOT_TAKES)[1] != claimable
    running.eye.wait_for(State.WAITING_TO_BE_CLAIMED, BOOT_TAKES, running.switched_on)
    assert running.shell.run(f"ls -d /var/lib/porchlight/forget {KEPT}", check=False).count("No such file") == 2
    assert running.shell.run("systemctl --failed --no-legend --plain") == ""


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
