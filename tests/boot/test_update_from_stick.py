"""A whole update from a USB stick: put in, installed, tried, kept, and not installed a second time.

Reading 80 MB through the emulated USB takes minutes: ./test updates.
"""

import time
from pathlib import Path

import pytest

from tests.boot import release, sticks
from tests.boot.board import BOOT_TAKES, Board
from tests.boot.card import Card
from tests.boot.eye import Span
from tests.boot.updating import (
    INSTALLING_TAKES,
    relays,
    remembered,
    try_it,
    wait_for_word,
    wait_until_off,
    watch_restarts,
)
from tests.boot.upstream import MIB, Upstream

pytestmark = pytest.mark.long

VERSION = "0.1.9"


@pytest.fixture(scope="module")
def stick(system: Path, folder: Path) -> Path:
    """A stick with an update that works."""
    bundle = release.pack(system, folder / "whole.raucb", VERSION, release.development_key())
    found = sticks.fat(folder / "whole-stick", {f"porchlight-{VERSION}-arm64.raucb": bundle}, size=256 * MIB, table=1)
    bundle.unlink()
    return found


def test_a_stick_is_all_that_it_takes(
    board: Board, card: Card, upstream: Upstream, relaying: Span, stick: Path
) -> None:
    former = remembered(card).primary
    watch_restarts(board)
    board.plug_in_a_stick(stick)
    wait_until_off(board, INSTALLING_TAKES)
    tried = remembered(card).trial
    assert tried
    assert tried != former
    try_it(board, card, tried)
    relays(board, upstream, "after the stick")
    # Many leave it in.
    board.plug_in_a_stick(stick)
    works = f"Version {VERSION} was installed, and it works."
    deadline = time.monotonic() + BOOT_TAKES
    # It fails as long as none has said anything.
    asked = "journalctl -b --no-pager -o cat -u 'porchlight-stick@*'"
    while works not in board.shell.run(asked, check=False):
        assert time.monotonic() < deadline, board.console.tail()
        time.sleep(1)
    assert wait_for_word(board, f'"{VERSION}"', BOOT_TAKES)["outcome"] == "good"
    assert board.shell.run("find /var/lib/porchlight -name '*.raucb'") == ""
    held = remembered(card)
    assert (held.primary, held.trial) == (tried, None)
    stick.unlink()
