"""Power cuts at all that a card lives through: first start, settings, an update, the new slot, ordinary running.

Two hundred cut points are looked at, and every tenth of them is put into a board, which has to relay: ./test powercut.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from appliance.status.state import State
from tests.boot import release
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card, unpack
from tests.boot.conftest import SETTINGS
from tests.boot.cuts import files_of, look
from tests.boot.eye import RELAYS
from tests.boot.home import Home
from tests.boot.owner import claim, set_domain
from tests.boot.person import chat, connect, exchange
from tests.boot.updating import INSTALLING_TAKES, ask_for_update, remembered, start_again, wait_until_off
from tests.boot.upstream import CHAT, MIB, Upstream, answer
from tests.boot.visitor import PAGE_PORT
from tests.boot.writes import Replay, chosen, read_log

pytestmark = pytest.mark.long

# Cut points that are looked at, and that are booted.
LOOKED_AT, BOOTED = 200, 20
# Of the hundreds of thousands of sectors of a slot being written, one in so many counts as a cut point.
SLOT_STEP = 20000
SLOT_A, SLOT_B = 2, 3
# Bytes from the beginning of slot B; seconds of ordinary running.
STICK_AT = 320 * MIB
ORDINARY = 1800.0
# Bytes a day (docs/image.md, "What persists").
MOST_PER_DAY = 5_000_000
FAT = 1


@dataclass(frozen=True, slots=True)
class Life:
    """What was recorded.

    Args:
        first: the card as it was flashed, with its settings file.
        logs: one for each start.
        ordinary: how many sectors were written in ``ORDINARY`` seconds of nothing in particular.
    """

    first: Path
    logs: list[Path]
    ordinary: int


@pytest.fixture(scope="module")
def life(
    board: Board, image: Path, home: Home, upstream: Upstream, offered: Path, tmp_path_factory: pytest.TempPathFactory
) -> Life:
    """A card's life, all writes kept."""
    # There is one cable, and this card has a board of its own.
    if board.is_on:
        board.pull_the_plug()
    folder = tmp_path_factory.mktemp("life")
    card = unpack(image, folder / "card.img")
    card.write("porchlight.toml", card.read("porchlight.toml") + SETTINGS.encode())
    # Behind what is written into a slot there is room for a file system with the bundle.
    card.fill(SLOT_B, release.file_system_with(offered / "newer.raucb", folder / "stick"), STICK_AT)
    upstream.set_reachable(True)
    mine = Board(card, home, folder, recorded=2)
    mine.switch_on()
    mine.wait_for_port(PAGE_PORT)
    owner = claim(mine)
    for number in range(5):
        set_domain(owner.visitor, f"relay-{number}.example.org")
    mine.shell.run("modprobe loop; mkdir -p /run/stick")
    mine.shell.run(f"mount -t squashfs -o ro,loop,offset={STICK_AT} /dev/mmcblk0p3 /run/stick")
    ask_for_update(mine, json.dumps({"file": "/run/stick/newer.raucb"}))
    wait_until_off(mine, INSTALLING_TAKES)
    start_again(mine)
    deadline = time.monotonic() + BOOT_TAKES
    while remembered(card).trial:
        assert time.monotonic() < deadline, mine.console.tail()
        time.sleep(1)
    before = len(read_log(mine.logs[-1]))
    time.sleep(ORDINARY)
    mine.pull_the_plug()
    card.path.unlink()
    return Life(mine.first, mine.logs, len(read_log(mine.logs[-1])) - before)


def cut_points(replay: Replay, wanted: int) -> list[int]:
    """Moments to cut at: every kind of write has its share, however many sectors a slot has."""
    start, size = Card(replay.card).range(SLOT_B)
    ordinary: list[int] = []
    slot: list[int] = []
    for number, write in enumerate(replay.writes):
        (slot if start <= write.sector * 512 < start + size else ordinary).append(number)
    counted = sorted({*ordinary, *slot[::SLOT_STEP], *slot[-1:]})
    return [counted[min(one, len(counted) - 1)] + 1 for one in chosen(len(counted), wanted, [])]


@pytest.fixture(scope="module")
def wrecks(life: Life, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Cards after a cut, to be booted; all cut points have been looked at."""
    folder = tmp_path_factory.mktemp("wrecks")
    card = Card(life.first).copy(folder / "card.img")
    whole = files_of(card)
    kept: list[Path] = []
    looked = 0
    for log in life.logs:
        replay = Replay(card.path, log)
        for cut in cut_points(replay, LOOKED_AT // len(life.logs) + 1):
            replay.go_to(cut)
            wreck = look(card, folder)
            assert wreck.remembered.primary, f"no slot is left after {cut} writes of {log}"
            left = files_of(card)
            assert {name: left.get(name) for name in whole} == whole, f"the FAT has changed after {cut} writes"
            looked += 1
            if looked % (LOOKED_AT // BOOTED) == 0:
                kept.append(card.copy(folder / f"cut-{looked}.img").path)
        replay.go_to(len(replay.writes))
    assert looked >= LOOKED_AT
    return kept


def test_slot_that_runs_is_never_written(life: Life) -> None:
    start, size = Card(life.first).range(SLOT_A)
    first = Card(life.first)
    for log in life.logs:
        replay = Replay(first.path, log)
        assert not [one for one in replay.writes if start <= one.sector * 512 < start + size]


def test_little_is_written_when_nothing_happens(life: Life) -> None:
    daily = life.ordinary * 512 * 86400 / ORDINARY
    print(f"{daily / 1e6:.2f} MB a day")
    assert daily <= MOST_PER_DAY


def test_cards_boot_and_relay_after_a_cut(
    wrecks: list[Path], home: Home, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert len(wrecks) >= BOOTED
    for number, path in enumerate(wrecks):
        board = Board(Card(path), home, tmp_path_factory.mktemp("again"))
        board.switch_on()
        try:
            board.wait_for_port(PAGE_PORT)
            board.wait_for_port(443)
            board.eye.wait_for((*RELAYS, State.WAITING_TO_BE_CLAIMED), BOOT_TAKES, board.switched_on)
            with connect(board.home, 443, with_tls=True) as person:
                assert exchange(person, chat(f"after cut {number}", MIB), MIB) == answer(CHAT)
        finally:
            if board.is_on:
                board.pull_the_plug()
        path.unlink()
