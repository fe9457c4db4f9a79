"""Updates that do not work, on the emulated board: each ends in the former system, which relays and says so.

The first takes one boot. The others take a dozen: ./test updates, ./test powercut.
"""

import json
from pathlib import Path

import pytest

from appliance import __version__
from appliance.update.disk import Memory
from appliance.update.environment import Environment, Slot
from appliance.update.record import Outcome, Record
from appliance.update.service import words
from tests.boot import release
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card
from tests.boot.eye import Span
from tests.boot.release import HOLLOW, Server
from tests.boot.updating import (
    INSTALLING_TAKES,
    ask_for_update,
    let_it_trust,
    read_the_page,
    relays,
    remembered,
    start_again,
    status,
    wait_until_off,
    watch_restarts,
)
from tests.boot.upstream import Upstream
from tests.boot.visitor import PAGE_PORT

# What somebody would do who broke the relay, and made its judge impatient.
RELAY = "/usr/lib/systemd/system/porchlight-relay.service"
HASTE = "/usr/lib/systemd/system/porchlight-good.service.d/haste.conf"
HASTY = "[Service]\nExecStart=\nExecStart=/usr/bin/porchlight update --trial --patience 20\n"
LAME = "[Service]\nExecStart=/bin/false\n"
# Versions, each of another kind of failure; a hollow one comes before them.
PANICS, HANGS, FAILS = "0.1.4", "0.1.5", "0.1.6"
RECORD = "/var/lib/porchlight/update/record.json"
UPDATER = "setpriv --reuid=porchlight-update --regid=porchlight-update --clear-groups"
PARTITIONS = {"A": 2, "B": 3}
DATA = "/var/lib/porchlight"
FULL = f"{DATA}/relay/full"


@pytest.fixture(scope="module")
def slots(board: Board, card: Card, relaying: Span) -> tuple[Slot, Slot]:
    """The slot that runs, and the other one, which gets everything bad."""
    good = remembered(card).primary
    assert good
    return good, "B" if good == "A" else "A"


def still_the_former(card: Card, slots: tuple[Slot, Slot]) -> None:
    good, bad = slots
    held = remembered(card)
    assert (held.primary, held.left(bad)) == (good, 0), held


def says_so(board: Board, version: str) -> None:
    """The page says which version did not work, and which one runs again."""
    sentence = words(Record(version, "B", __version__, Outcome.FAILED))
    assert sentence in read_the_page(board)[1].text


@pytest.fixture(scope="module")
def hollow(board: Board, card: Card, slots: tuple[Slot, Slot], server: Server, offered: Path) -> dict[str, object]:
    """The status after an update, streamed from the feed on a full disk, in which there is nothing to start."""
    let_it_trust(board, server)
    feed = {"version": HOLLOW, "url": "hollow.raucb", "compatible": "porchlight-arm64"}
    (offered / "update.json").write_text(json.dumps(feed))
    # Most of it at once, then byte by byte; what is kept back for root stays free, as it does when a service fills it.
    relay = "setpriv --reuid=porchlight-relay --clear-groups"
    board.shell.run(f"{relay} fallocate -l $(($(df -B1 --output=avail {DATA} | tail -1) - 1048576)) {FULL}")
    said = board.shell.run(f"{relay} dd if=/dev/zero of={FULL}er bs=4k; sync", check=False)
    assert "No space left" in said
    ask_for_update(board, "{}")
    wait_until_off(board, INSTALLING_TAKES)
    assert remembered(card).trial == slots[1]
    start_again(board)
    board.console.wait_for(f"slot {slots[1]} does not start\nporchlight: slot {slots[0]}", BOOT_TAKES)
    board.wait_for_port(PAGE_PORT)
    # What the timer does two minutes after the start.
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES)
    found = status(board)
    board.shell.run(f"rm {FULL} {FULL}er")
    return found


def test_on_a_full_disk_what_does_not_start_gives_way_at_once(
    board: Board, card: Card, upstream: Upstream, slots: tuple[Slot, Slot], hollow: dict[str, object]
) -> None:
    assert hollow["outcome"] == "failed", hollow
    says_so(board, HOLLOW)
    still_the_former(card, slots)
    relays(board, upstream, "after the full disk")


def on_trial(board: Board, card: Card, slots: tuple[Slot, Slot], system: Path, version: str, left: int) -> None:
    """Write a system into the other slot, by hand since installing has been seen, and start it.

    What the updater keeps before it restarts is kept in the updater's own way, so that it is there whatever the new
    system does.
    """
    bad = slots[1]
    keep = "import sys; from pathlib import Path; from appliance.update.record import *; "
    keep += "write(Path(sys.argv[1]), Record(*sys.argv[2:]))"
    board.shell.run(f"{UPDATER} python3 -c '{keep}' {RECORD} {version} {bad} {__version__}")
    board.pull_the_plug()
    card.fill(PARTITIONS[bad], system)
    Memory(card.path).write(remembered(card).on_trial(bad).with_left(bad, left))
    board.switch_on()
    watch_restarts(board)
    board.console.wait_for(f"slot {bad} is on trial, {left - 1} tries left after this one", BOOT_TAKES)


@pytest.fixture(scope="module")
def panicked(
    board: Board, card: Card, slots: tuple[Slot, Slot], hollow: dict[str, object], system: Path, folder: Path
) -> Environment:
    """What is remembered after a system that has panicked three times."""
    on_trial(board, card, slots, release.without_system(system, folder / "broken.ext4"), PANICS, 3)
    for left in (2, 1, 0):
        board.console.wait_for("Kernel panic", BOOT_TAKES)
        wait_until_off(board, BOOT_TAKES)
        start_again(board)
        watch_restarts(board)
        if left:
            board.console.wait_for(f"is on trial, {left - 1} tries left after this one", BOOT_TAKES)
    board.console.wait_for(f"porchlight: slot {slots[0]}\n", BOOT_TAKES)
    return remembered(card)


@pytest.mark.long
def test_what_panics_gives_way(
    board: Board, card: Card, upstream: Upstream, slots: tuple[Slot, Slot], panicked: Environment
) -> None:
    relays(board, upstream, "after the panics")
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES)
    still_the_former(card, slots)
    says_so(board, PANICS)


@pytest.fixture(scope="module")
def hung(board: Board, card: Card, slots: tuple[Slot, Slot], panicked: Environment, system: Path, folder: Path) -> None:
    """A system whose first program never does anything has been started twice, and the watchdog has ended it.

    The emulated watchdog resets the board as soon as it is opened and not after fifteen seconds without a word: so the
    first time it is left alone, which shows the hang, and the second time its mere opening has to be the initramfs's.
    """
    on_trial(board, card, slots, release.that_hangs(system, folder / "hung.ext4"), HANGS, 2)
    board.console.wait_for("hanging now", BOOT_TAKES)
    board.pull_the_plug()
    board.switch_on(guarded=True)
    watch_restarts(board)
    wait_until_off(board, BOOT_TAKES)
    assert "is on trial, 0 tries left after this one" in board.console.text
    assert "hanging now" not in board.console.text
    start_again(board)
    board.console.wait_for(f"porchlight: slot {slots[0]}\n", BOOT_TAKES)


@pytest.mark.long
def test_what_hangs_gives_way(
    board: Board, card: Card, upstream: Upstream, slots: tuple[Slot, Slot], hung: None
) -> None:
    relays(board, upstream, "after the hang")
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES)
    still_the_former(card, slots)
    says_so(board, HANGS)


@pytest.fixture(scope="module")
def lame(
    board: Board, card: Card, slots: tuple[Slot, Slot], hung: None, system: Path, folder: Path
) -> dict[str, object]:
    """The status after the system as it ships, but for its relay, which fails."""
    broken = release.with_files(system, folder / "lame.ext4", {RELAY: LAME, HASTE: HASTY})
    on_trial(board, card, slots, broken, FAILS, 3)
    wait_until_off(board, BOOT_TAKES)
    start_again(board)
    board.wait_for_port(PAGE_PORT)
    board.shell.run("systemctl start porchlight-update", BOOT_TAKES)
    return status(board)


@pytest.mark.long
def test_what_does_not_relay_gives_way_and_the_former_version_says_so(
    board: Board, card: Card, upstream: Upstream, slots: tuple[Slot, Slot], lame: dict[str, object]
) -> None:
    still_the_former(card, slots)
    relays(board, upstream, "after the fall")
    assert lame["outcome"] == "failed", lame
    says_so(board, FAILS)
